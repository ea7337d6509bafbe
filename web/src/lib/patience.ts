const [FIRST, LONGEST, GROWTH] = [500, 10_000, 1.5];

/**
 * Ask again and again until the answer is yes, with growing pauses; a failure is a no. A page that nobody looks at does
 * not ask.
 *
 * @param then - called once, after a yes that came before it was stopped
 * @returns how to stop
 */
export function askUntil(ask: () => Promise<boolean>, then: () => void = () => undefined): () => void {
  let timer: ReturnType<typeof setTimeout>;
  let pause = FIRST;
  let stopped = false;
  const wait = (): void => {
    timer = setTimeout(() => void next(), pause);
    pause = Math.min(LONGEST, GROWTH * pause);
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
