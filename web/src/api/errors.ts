export const GONE = 410;

/** What the server says when it cannot answer: one clear line. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** Whether the record, or a part of it, was removed or damaged. */
  get isGone(): boolean {
    return this.status === GONE;
  }
}

/** The message of a failed response; its body is the server's, or a proxy's. */
export async function errorOf(response: Response): Promise<ApiError> {
  let message = `the server answered ${response.status}`;
  try {
    const body: unknown = await response.json();
    if (typeof body === "object" && body !== null && "message" in body) message = String(body.message);
  } catch {
    // Not JSON: the status has to do.
  }
  return new ApiError(response.status, message);
}
