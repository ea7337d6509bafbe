import { pollUntil } from "../lib/polling";

interface Failure {
  readonly message: string;
  readonly retry: () => Promise<boolean>;
}

/** Whether the record can be read. One message serves all views, which keep showing what they have. */
export class RecordHealth {
  #first = $state.raw<Failure | undefined>();

  /** Why the record cannot be read, in one line; undefined while it can. */
  get message(): string | undefined {
    return this.#first?.message;
  }

  /** Report that part of the record cannot be read, and how to find out whether it can be again. */
  report(message: string, retry: () => Promise<boolean>): void {
    this.#first ??= { message, retry };
  }

  /** Poll until the record can be read, then call `recovered`. Returns a function that stops polling. */
  watch(recovered: () => void): (() => void) | undefined {
    const first = this.#first;
    return first && pollUntil(first.retry, recovered);
  }
}
