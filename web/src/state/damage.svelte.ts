import { askUntil } from "../lib/patience";

interface Report {
  readonly message: string;
  readonly again: () => Promise<boolean>;
}

/** Whether a part of the record cannot be read: said once for all views, which keep what they show. */
export class Damage {
  #first = $state.raw<Report | undefined>();

  /** Why, in one clear line; undefined while all can be read. */
  get message(): string | undefined {
    return this.#first?.message;
  }

  /** Say that something cannot be read, and how to ask for it again. */
  report(message: string, again: () => Promise<boolean>): void {
    this.#first ??= { message, again };
  }

  /** Ask for it until it can be read; `back` is called then. Returns how to stop. */
  watch(back: () => void): (() => void) | undefined {
    const first = this.#first;
    return first && askUntil(first.again, back);
  }
}
