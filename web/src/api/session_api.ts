/** Tell the server what the page of a session shows. A page that cannot tell is still of use. */
export async function putSession(session: string, query: string): Promise<void> {
  const url = `./api/sessions/${encodeURIComponent(session)}/state`;
  const headers = { "Content-Type": "application/json" };
  await fetch(url, { method: "PUT", headers, body: JSON.stringify({ query }) }).catch(() => undefined);
}
