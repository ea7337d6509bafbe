// Imports point one way: shell > views > controls > state > api > lib, and controls > charts > lib.
const forbid = (name, from, to) => ({
  name,
  severity: "error",
  from: { path: `^src/${from}/` },
  to: { path: `^src/(${to})/` },
});

module.exports = {
  forbidden: [
    forbid("views-know-no-shell", "views", "shell"),
    forbid("controls-know-no-views", "controls", "shell|views"),
    forbid("state-knows-no-views", "state", "shell|views|controls|charts"),
    forbid("api-knows-lib-only", "api", "shell|views|controls|state|charts"),
    forbid("charts-know-props-only", "charts", "shell|views|controls|state|api"),
    forbid("lib-is-the-bottom", "lib", "shell|views|controls|state|api|charts"),
    {
      name: "views-do-not-import-each-other",
      severity: "error",
      from: { path: "^src/views/([^/]+)/" },
      to: { path: "^src/views/", pathNot: "^src/views/($1/|view_definition\\.ts$)" },
    },
    {
      // The registry collects the views' folders.
      name: "views-are-reached-through-the-registry",
      severity: "error",
      from: { pathNot: "^src/views/" },
      to: { path: "^src/views/[^/]+/" },
    },
    {
      // They load through the client of their record, which the dashboard has.
      name: "views-never-fetch",
      severity: "error",
      from: { path: "^src/views/" },
      to: { path: "^src/api/(record_api|jobs)", dependencyTypesNot: ["type-only"] },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { extensions: [".ts", ".svelte.ts", ".svelte", ".js"] },
  },
};
