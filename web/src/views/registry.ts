import type { ViewDefinition } from "./view_definition";

const modules = import.meta.glob<ViewDefinition>("./*/index.ts", { eager: true, import: "default" });

/** The views of all folders next to this file, in their order. Apart from `view_definition.ts`, which they import. */
export const VIEWS: readonly ViewDefinition[] = Object.values(modules).sort((a, b) => a.order - b.order);
