/**
 * Front end of the notebook widget: a frame with the dashboard. Its page and the widget's traits follow each other by
 * messages `{ vulneuron: { layer, pair, neurons, pairs } }`; those to the page contain only what has changed.
 */

const SELECTED = ["layer", "pair", "neurons", "pairs"];
/** Milliseconds to wait for a message from the page before the next address is tried. */
const PATIENCE = 10_000;

/** URLs at which this browser may reach a port of the kernel's machine, most likely first. */
async function addresses(port, proxy) {
  if (proxy !== null) return [proxy];
  const colab = globalThis.google?.colab?.kernel;
  if (colab?.proxyPort) return [await colab.proxyPort(port, { cache: true })];
  const direct = `http://127.0.0.1:${port}/`;
  const config = document.getElementById("jupyter-config-data")?.textContent;
  const root = (config && JSON.parse(config).baseUrl) ?? document.body.dataset.baseUrl;
  const proxied = root === undefined ? [] : [`${root}proxy/${port}/`];
  const isLocal = ["localhost", "127.0.0.1", "[::1]", ""].includes(location.hostname);
  const isCode = location.protocol === "vscode-webview:";
  return isLocal || isCode ? [direct, ...proxied] : [...proxied, direct];
}

function equal(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

async function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.title = "Vulneuron";
  frame.allow = "clipboard-write";
  frame.style.cssText = `border: 0; width: 100%; height: ${model.get("_height")}px`;
  const picture = document.createElement("img");
  picture.alt = "Both images of the first pair, and the receptive field of a neuron on each of them";
  picture.src = model.get("_picture");
  picture.style.maxWidth = "100%";
  const line = document.createElement("p");
  line.setAttribute("role", "status");
  line.style.cssText = "margin: 4px 0; font: 12px/1.4 system-ui, sans-serif";
  // The picture in the other output is for notebooks without a kernel; this front end shows its own if needed.
  const style = document.createElement("style");
  style.textContent = `.${model.get("_still")} { display: none; }`;
  el.replaceChildren(style, frame, line);

  let isLive = false;
  let isReceiving = false;
  let next = setTimeout(() => undefined);

  const send = (names) => {
    if (!isLive || isReceiving || names.length === 0) return;
    const values = Object.fromEntries(names.map((name) => [name, model.get(name)]));
    frame.contentWindow?.postMessage({ vulneuron: values }, "*");
  };
  const receive = ({ source, data }) => {
    const state = data?.vulneuron;
    if (source !== frame.contentWindow || state === undefined) return;
    // A page that was just loaded takes over values that Python or another view of this widget has set.
    const kept = state.first === true ? model.get("_changed") : [];
    const changed = SELECTED.filter((name) => !kept.includes(name) && !equal(state[name], model.get(name)));
    isLive = true;
    clearTimeout(next);
    line.textContent = "";
    picture.replaceWith(frame);
    isReceiving = true;
    for (const name of changed) model.set(name, state[name]);
    isReceiving = false;
    if (changed.length) model.save_changes();
    send(kept.filter((name) => !equal(state[name], model.get(name))));
  };
  const listeners = SELECTED.map((name) => [`change:${name}`, () => send([name])]);
  for (const [event, listener] of listeners) model.on(event, listener);
  addEventListener("message", receive);

  const candidates = await addresses(model.get("_port"), model.get("_proxy"));
  const attempt = () => {
    const base = candidates.shift();
    if (base !== undefined) {
      frame.src = `${base.replace(/\/?$/, "/")}${model.get("_path")}`;
      next = setTimeout(attempt, PATIENCE);
      return;
    }
    frame.replaceWith(picture);
    line.textContent = `The dashboard cannot be reached, so this is a picture of its first pair. ${model.get("_help")}`;
  };
  attempt();
  return () => {
    clearTimeout(next);
    removeEventListener("message", receive);
    for (const [event, listener] of listeners) model.off(event, listener);
  };
}

export default { render };
