import { ApiError } from "./responses";
import type { JobModel } from "./types";

const FINAL = new Set(["done", "cancelled", "failed"]);

/** Identifies this page to the server, which cancels a job only once no page waits for it. */
export const PAGE = crypto.getRandomValues(new Uint32Array(4)).join("-");

/**
 * Follow a job until it ends, with a callback for each progress report. Aborting cancels it.
 *
 * @returns the job in its final state
 */
export function followJob(
  id: string,
  progress: (job: JobModel) => void,
  signal: AbortSignal,
  session = PAGE,
): Promise<JobModel> {
  const url = `./api/jobs/${encodeURIComponent(id)}`;
  return new Promise((resolve, reject) => {
    const events = new EventSource(`${url}/events?session=${session}`);
    const close = (): void => {
      events.close();
      signal.removeEventListener("abort", cancel);
    };
    const cancel = (): void => {
      close();
      // A page that is being closed cannot wait for the response.
      void fetch(`${url}?session=${session}`, { method: "DELETE", keepalive: true }).catch(() => undefined);
      reject(new DOMException("canceled", "AbortError"));
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
