/**
 * The decoded image at an address that follows the state. The previous image stays until the new one can be drawn, so
 * that views do not flicker. Create it during component initialization.
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
        // Superseded by a later image, or the record is gone, which other requests report.
        () => undefined,
      );
      return () => {
        isLatest = false;
      };
    });
  }
}
