import type { RecordEntry } from "./types";

/**
 * Follow the list of the server's records: `changed` is called with the current list, and again when it changes.
 *
 * @param ended - called when the server stops, or the connection is lost
 * @returns a function that stops following
 */
export function followListings(
  changed: (records: readonly RecordEntry[]) => void,
  ended: () => void,
): () => void {
  const events = new EventSource("./api/listings/events");
  events.addEventListener("records", (event: MessageEvent<string>) => {
    changed(JSON.parse(event.data) as RecordEntry[]);
  });
  events.addEventListener("error", () => {
    events.close();
    ended();
  });
  return () => {
    events.close();
  };
}
