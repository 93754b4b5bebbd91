// One question to the engine on a port of this machine, by its alias, as a client asks it.
export const askWho = async (port: number): Promise<string> => {
  const body = JSON.stringify({ model: 'active', messages: [{ role: 'user', content: 'Who are you?' }] })
  const headers = { 'content-type': 'application/json' }
  const url = `http://127.0.0.1:${port}/v1/chat/completions`
  const answer = await fetch(url, { method: 'POST', headers, body })
  const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] }
  return choices[0]?.message.content ?? ''
}
