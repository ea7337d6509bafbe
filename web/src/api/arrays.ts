import { parse } from "npyjs";
import { errorOf } from "./errors";

/** A decoded `.npy` file: values in C order. */
export interface NumberArray<T> {
  readonly data: T;
  readonly shape: readonly number[];
}

export type Numbers = Float32Array | Float64Array;

export async function fetchArray<T>(url: string, init: RequestInit = {}): Promise<NumberArray<T>> {
  const response = await fetch(url, init);
  if (!response.ok) throw await errorOf(response);
  const { data, shape } = parse(await response.arrayBuffer());
  return { data: data as T, shape };
}
