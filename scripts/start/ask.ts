// One question to the active model of a Runtime, through its Service, as a person would ask it.
import { execa } from 'execa'
import type { Place } from './place.ts'

const ports: Readonly<Record<string, number>> = { ollama: 11434 }

/** The answer to one chat request by the alias `active`; a port is forwarded for as long as it takes. */
export async function askModel(place: Place, namespace: string, service: string): Promise<string> {
  const target = [`service/${service}`, `:${ports[service] ?? 8000}`]
  const forward = execa(place.kubectlPath, ['port-forward', '-n', namespace, ...target], {
    env: { KUBECONFIG: place.kubeconfig },
    reject: false,
  })
  try {
    return await ask(`http://127.0.0.1:${await localPort(forward)}/v1/chat/completions`)
  } finally {
    forward.kill()
    await forward
  }
}

const localPort = async (forward: AsyncIterable<unknown>): Promise<string> => {
  for await (const line of forward) {
    const port = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(String(line))?.[1]
    if (port) return port
  }
  throw new Error('kubectl port-forward ended without forwarding a port')
}

async function ask(url: string): Promise<string> {
  const question = {
    model: 'active',
    messages: [{ role: 'user', content: 'Who are you?' }],
    max_tokens: 64,
    temperature: 0,
  }
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(question) })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  const answer = (await response.json()) as { choices: { message: { content: string } }[] }
  return answer.choices[0]?.message.content.trim() ?? ''
}
