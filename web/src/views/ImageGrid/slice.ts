import { choice, slice } from "../../state/slice";

export interface ImagesState {
  /** Whether the right image of a pair is the adversarial image or the perturbation. */
  readonly picture: "pair" | "difference";
}

export const imagesSlice = slice<ImagesState>({ picture: choice(["pair", "difference"], "pair") });
