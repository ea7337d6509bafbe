import { choice, slice, wholeNumberBelow } from "../../state/slice";
import { MOST_SIDE } from "./layout";

export interface ImagesState {
  /** Whether the right image of a pair is the adversarial image or the perturbation. */
  readonly picture: "pair" | "difference";
  /** The longer side of an image in pixels; null for the one that fits. */
  readonly thumbnail: number | null;
}

export const imagesSlice = slice<ImagesState>({
  picture: choice(["pair", "difference"], "pair"),
  thumbnail: {
    initial: () => null,
    parse: wholeNumberBelow(MOST_SIDE + 1),
    format: (side) => `${side ?? ""}`,
  },
});
