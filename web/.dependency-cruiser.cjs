// Imports point one way: views > state > api > lib, and views > charts > lib. Charts never fetch.
const forbid = (name, from, to) => ({
  name,
  severity: "error",
  from: { path: `^src/${from}/` },
  to: { path: `^src/(${to})/` },
});

module.exports = {
  forbidden: [
    forbid("state-knows-no-views", "state", "views|charts"),
    forbid("api-knows-lib-only", "api", "views|state|charts"),
    forbid("charts-never-fetch", "charts", "views|state|api"),
    forbid("lib-is-the-bottom", "lib", "views|state|api|charts"),
    {
      // Only the shell, which puts them on the screen.
      name: "views-do-not-import-each-other",
      severity: "error",
      from: { path: "^src/views/([^/]+)/", pathNot: "^src/views/Shell/" },
      to: { path: "^src/views/([^/]+)/", pathNot: "^src/views/$1/" },
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
