import { listRecords } from "../api/record_api";

const [WHILE_CONNECTED, WHILE_LOST] = [5000, 1500];

/** Whether the server responds. A hidden page does not ask. */
export class Connection {
  lost = $state(false);

  /** Poll the server; `reconnected` is called when it responds again. Returns a function that stops polling. */
  watch(reconnected: () => void): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = false;
    const ask = async (): Promise<void> => {
      const responded = document.hidden ? !this.lost : await responds();
      if (stopped) return;
      if (responded && this.lost) reconnected();
      this.lost = !responded;
      timer = setTimeout(() => void ask(), this.lost ? WHILE_LOST : WHILE_CONNECTED);
    };
    timer = setTimeout(() => void ask(), WHILE_CONNECTED);
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }
}

async function responds(): Promise<boolean> {
  try {
    await listRecords();
    return true;
  } catch (error) {
    // A server that responds with an error is running.
    return !(error instanceof TypeError);
  }
}
