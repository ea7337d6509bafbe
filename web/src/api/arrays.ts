import { parse } from "npyjs";
import { errorOf } from "./errors";

/** A decoded `.npy` file: values in C order. */
export interface NumberArray<T> {
  readonly data: T;
  readonly shape: readonly number[];
}

export type Numbers = Float32Array | Float64Array;

/** Decode a response. */
export async function arrayOf<T>(response: Response): Promise<NumberArray<T>> {
  if (!response.ok) throw await errorOf(response);
  const { data, shape } = parse(await response.arrayBuffer());
  return { data: data as T, shape };
}
