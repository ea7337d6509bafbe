import { ApiError } from "./errors";
import type { JobModel } from "./types";

const FINAL = new Set(["done", "cancelled", "failed"]);

/** This page, among all that use the server: a job that another page waits for, too, goes on without this one. */
export const PAGE = crypto.getRandomValues(new Uint32Array(4)).join("-");

/**
 * Follow a job until its end, calling back at each progress. Aborting gives it up.
 *
 * @returns the job in its final state
 */
export function followJob(
  id: string,
  progress: (job: JobModel) => void,
  signal: AbortSignal,
): Promise<JobModel> {
  const url = `./api/jobs/${encodeURIComponent(id)}`;
  return new Promise((resolve, reject) => {
    const events = new EventSource(`${url}/events`);
    const close = (): void => {
      events.close();
      signal.removeEventListener("abort", cancel);
    };
    const cancel = (): void => {
      close();
      // A page that is being left can no longer wait for the answer.
      void fetch(`${url}?session=${PAGE}`, { method: "DELETE", keepalive: true }).catch(() => undefined);
      reject(new DOMException("cancelled", "AbortError"));
    };
    events.addEventListener("progress", (event: MessageEvent<string>) => {
      const job = JSON.parse(event.data) as JobModel;
      progress(job);
      if (!FINAL.has(job.state)) return;
      close();
      resolve(job);
    });
    events.addEventListener("error", () => {
      if (events.readyState !== EventSource.CLOSED) return;
      close();
      reject(new ApiError(0, "the connection to the server was lost"));
    });
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel);
  });
}
