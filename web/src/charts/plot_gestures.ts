import { anchorAt, moved, zoomAround, type Zoom } from "../lib/neuron_axis";

/** Pointer and wheel gestures on a horizontal axis: zoom, pan, pick, select a range. Positions are 0 to 1. */
export interface PlotGestureTarget {
  readonly count: number;
  readonly zoom: Zoom;
  /** Position of a pointer on the axis. */
  readonly position: (clientX: number) => number;
  readonly zoomed: (zoom: Zoom) => void;
  readonly picked: (position: number, add: boolean) => void;
  /** Called with the ends of the range while it is dragged, and with null at the end. */
  readonly ranging: (range: readonly [number, number] | null) => void;
  readonly ranged: (range: readonly [number, number]) => void;
}

/** Pixels that the pointer may move during a click. */
const CLICK = 4;
const WHEEL = 0.0015;
/** Pixels per step of wheels that count lines or pages. */
const UNITS = [1, 16, 240];

interface Drag {
  readonly startX: number;
  readonly zoom: Zoom;
  readonly ranging: boolean;
  moved: boolean;
}

export class PlotGestures {
  readonly #target: () => PlotGestureTarget;
  readonly #pointers = new Map<number, number>();
  #drag: Drag | undefined;
  #pending: Zoom | undefined;
  #frame = 0;

  constructor(target: () => PlotGestureTarget) {
    this.#target = target;
  }

  get dragging(): boolean {
    return this.#drag?.moved ?? false;
  }

  /** @param panning - whether the wheel pans; by default it zooms, and pans with the shift key */
  wheel(event: WheelEvent, panning = false): void {
    event.preventDefault();
    const target = this.#target();
    const zoom = this.#pending ?? target.zoom;
    const unit = UNITS[event.deltaMode] ?? 1;
    const sideways = panning || event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (sideways) {
      const by = (event.deltaX || event.deltaY) * unit * WHEEL * (zoom[1] - zoom[0]);
      this.#zoom(moved(zoom, by, target.count));
      return;
    }
    // A pinch on a touchpad is reported as small wheel steps with the control key.
    const factor = Math.exp(event.deltaY * unit * WHEEL * (event.ctrlKey ? 6 : 1));
    const place = anchorAt(zoom, target.position(event.clientX), target.count);
    this.#zoom(zoomAround(zoom, place, factor, target.count));
  }

  down(event: PointerEvent): void {
    if (event.button !== 0) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, event.clientX);
    const target = this.#target();
    const ranging = event.shiftKey;
    this.#drag = { startX: event.clientX, zoom: target.zoom, ranging, moved: this.#pointers.size > 1 };
  }

  move(event: PointerEvent): void {
    const drag = this.#drag;
    const before = this.#pointers.get(event.pointerId);
    if (!drag || before === undefined) return;
    if (this.#pointers.size === 2) {
      this.#pinch(event, before);
      return;
    }
    this.#pointers.set(event.pointerId, event.clientX);
    const target = this.#target();
    drag.moved ||= Math.abs(event.clientX - drag.startX) > CLICK;
    if (!drag.moved) return;
    const [start, now] = [target.position(drag.startX), target.position(event.clientX)];
    if (drag.ranging) target.ranging([Math.min(start, now), Math.max(start, now)]);
    else this.#zoom(moved(drag.zoom, (start - now) * (drag.zoom[1] - drag.zoom[0]), target.count));
  }

  up(event: PointerEvent): void {
    const drag = this.#drag;
    this.#pointers.delete(event.pointerId);
    if (!drag) return;
    const target = this.#target();
    const [left] = this.#pointers.values();
    if (left !== undefined) {
      // The remaining finger of a pinch pans from here.
      this.#drag = { startX: left, zoom: this.#pending ?? target.zoom, ranging: false, moved: true };
      return;
    }
    this.#drag = undefined;
    const add = event.shiftKey || event.ctrlKey || event.metaKey;
    const [start, now] = [target.position(drag.startX), target.position(event.clientX)];
    target.ranging(null);
    if (!drag.moved) target.picked(now, add);
    else if (drag.ranging) target.ranged([Math.min(start, now), Math.max(start, now)]);
  }

  cancel(): void {
    this.#pointers.clear();
    this.#drag = undefined;
    this.#target().ranging(null);
  }

  /** Two fingers: the place between them stays between them. */
  #pinch(event: PointerEvent, before: number): void {
    const target = this.#target();
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1] ?? before;
    const [old, now] = [Math.abs(before - other), Math.abs(event.clientX - other)];
    this.#pointers.set(event.pointerId, event.clientX);
    if (old < 1 || now < 1) return;
    const zoom = this.#pending ?? target.zoom;
    const place = zoom[0] + target.position((event.clientX + other) / 2) * (zoom[1] - zoom[0]);
    this.#zoom(zoomAround(zoom, place, old / now, target.count));
  }

  /** Report at most once per frame. */
  #zoom(zoom: Zoom): void {
    this.#pending = zoom;
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      const wanted = this.#pending;
      this.#pending = undefined;
      if (wanted) this.#target().zoomed(wanted);
    });
  }
}
