/**
 * The image at an address that follows the state, once it can be drawn; until then the one before, so that views do not
 * flicker. Made while a component is initialized.
 */
export class DecodedImage {
  current = $state.raw<HTMLImageElement>();

  constructor(address: () => string) {
    $effect(() => {
      const wanted = new Image();
      wanted.src = address();
      let isLatest = true;
      wanted.decode().then(
        () => {
          if (isLatest) this.current = wanted;
        },
        // A later image takes this one's place, or the record is gone, which other requests say.
        () => undefined,
      );
      return () => {
        isLatest = false;
      };
    });
  }
}
