/** The server's responses: decoded bodies and errors. */

import { parse } from "npyjs";

/** A decoded `.npy` file: values in C order. */
export interface NumberArray<T> {
  readonly data: T;
  readonly shape: readonly number[];
}

export type Numbers = Float32Array | Float64Array;

/** The array of a `.npy` response. */
export async function arrayOf<T>(response: Response): Promise<NumberArray<T>> {
  if (!response.ok) throw await errorOf(response);
  const { data, shape } = parse(await response.arrayBuffer());
  return { data: data as T, shape };
}

/** A response of the typed client. */
interface ClientResponse<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The decoded body of a response of the typed client. */
export function unwrap<T>({ data, error, response }: ClientResponse<T>): T {
  if (data !== undefined) return data;
  throw new ApiError(response.status, messageOf(error));
}

/** Status of a record that was removed or damaged. */
export const GONE = 410;

/** A failed request, with the server's one-line message. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string | undefined,
  ) {
    super(message ?? `the server responded with status ${status}`);
    this.name = "ApiError";
  }

  /** Whether the record, or part of it, was removed or damaged. */
  get isGone(): boolean {
    return this.status === GONE;
  }
}

/** The error of a failed response, whose body may come from a proxy. */
export async function errorOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => undefined);
  return new ApiError(response.status, messageOf(body));
}

/** The message of an error's body; undefined if the body is not the server's. */
function messageOf(body: unknown): string | undefined {
  const isObject = typeof body === "object" && body !== null;
  return isObject && "message" in body ? String(body.message) : undefined;
}
