/**
 * Colors of classes. The first ten are Petroff's sequence ("Accessible color sequences for data visualization",
 * 2021), which color-blind readers can distinguish; further ones step through the hues at varying lightness, and can
 * be distinguished only by legend and tooltip.
 */
const ACCESSIBLE = [
  "#3f90da",
  "#ffa90e",
  "#bd1f01",
  "#94a4a2",
  "#832db6",
  "#a96b59",
  "#e76300",
  "#b9ac70",
  "#717581",
  "#92dadd",
];
const GOLDEN_ANGLE = 137.508;
const LIGHTNESS = [0.55, 0.75, 0.65];

/** Color of the n-th class of a record, as CSS text `#rrggbb`. */
export function classColor(index: number): string {
  const accessible = ACCESSIBLE[index];
  if (accessible) return accessible;
  const hue = (index * GOLDEN_ANGLE) % 360;
  return oklchToHex(LIGHTNESS[index % LIGHTNESS.length] as number, 0.12, hue);
}

/** Oklch color in sRGB (Ottosson, "A perceptual color space for image processing", 2020). */
function oklchToHex(lightness: number, chroma: number, hue: number): string {
  const angle = (hue * Math.PI) / 180;
  const [a, b] = [chroma * Math.cos(angle), chroma * Math.sin(angle)];
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return `#${linear.map((value) => toByte(value).toString(16).padStart(2, "0")).join("")}`;
}

function toByte(linear: number): number {
  const clipped = Math.min(1, Math.max(0, linear));
  const encoded = clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055;
  return Math.round(255 * encoded);
}
