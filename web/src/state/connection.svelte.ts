import { listRecords } from "../api/record_api";

const [USUALLY, WHILE_LOST] = [5000, 1500];

/** Whether the server still answers. A page that nobody looks at does not ask. */
export class Connection {
  lost = $state(false);

  /** Begin to ask; `back` is called when the server answers again. Returns how to stop. */
  watch(back: () => void): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = false;
    const ask = async (): Promise<void> => {
      const answered = document.hidden ? !this.lost : await answers();
      if (stopped) return;
      if (answered && this.lost) back();
      this.lost = !answered;
      timer = setTimeout(() => void ask(), this.lost ? WHILE_LOST : USUALLY);
    };
    timer = setTimeout(() => void ask(), USUALLY);
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }
}

async function answers(): Promise<boolean> {
  try {
    await listRecords();
    return true;
  } catch (error) {
    // A server that answers with an error is there.
    return !(error instanceof TypeError);
  }
}
