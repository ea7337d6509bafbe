import type { ViewDefinition } from "./view_definition";

const modules = import.meta.glob<ViewDefinition>("./*/index.ts", { eager: true, import: "default" });

/** The views of all folders beside this file, in their order. */
export const VIEWS: readonly ViewDefinition[] = Object.values(modules).sort((a, b) => a.order - b.order);
