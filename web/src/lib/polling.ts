const [FIRST, LONGEST, GROWTH] = [500, 10_000, 1.5];

/**
 * Poll until the answer is yes, at growing intervals; a failure counts as no. A hidden page does not poll.
 *
 * @param then - called once, after a yes, unless polling was stopped before
 * @returns a function that stops polling
 */
export function pollUntil(ask: () => Promise<boolean>, then: () => void = () => undefined): () => void {
  let timer: ReturnType<typeof setTimeout>;
  let interval = FIRST;
  let stopped = false;
  const wait = (): void => {
    timer = setTimeout(() => void next(), interval);
    interval = Math.min(LONGEST, GROWTH * interval);
  };
  const next = async (): Promise<void> => {
    const yes = !document.hidden && (await ask().catch(() => false));
    if (stopped) return;
    if (yes) then();
    else wait();
  };
  wait();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
