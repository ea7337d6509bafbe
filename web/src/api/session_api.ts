/** Publish the page's state to its session. The page works without a session, so failures are ignored. */
export async function putSession(session: string, query: string): Promise<void> {
  const url = `./api/sessions/${encodeURIComponent(session)}/state`;
  const headers = { "Content-Type": "application/json" };
  await fetch(url, { method: "PUT", headers, body: JSON.stringify({ query }) }).catch(() => undefined);
}
