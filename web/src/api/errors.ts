export const GONE = 410;

/** A failed request, with the server's one-line message. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** Whether the record, or part of it, was removed or damaged. */
  get isGone(): boolean {
    return this.status === GONE;
  }
}

/** The message of a failed response, whose body may come from a proxy. */
export async function errorOf(response: Response): Promise<ApiError> {
  let message = `the server answered ${response.status}`;
  try {
    const body: unknown = await response.json();
    if (typeof body === "object" && body !== null && "message" in body) message = String(body.message);
  } catch {
    // Not JSON, so only the status is known.
  }
  return new ApiError(response.status, message);
}
