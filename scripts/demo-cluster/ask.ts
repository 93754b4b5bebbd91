// One question to the active model of a Runtime, through its Service, as a person would ask it.
import type { Readable } from 'node:stream'
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
    return await ask(`http://127.0.0.1:${await localPort(forward.stdout)}/v1/chat/completions`)
  } finally {
    forward.kill()
    await forward
  }
}

/** The iterator of execa would wait for the end of the program: its output is read as it comes. */
const localPort = (output: Readable): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = ''
    output.on('data', chunk => {
      text += String(chunk)
      const port = /^Forwarding from 127\.0\.0\.1:(\d+)/m.exec(text)?.[1]
      if (port) resolve(port)
    })
    output.once('end', () => reject(new Error('kubectl port-forward ended without forwarding a port')))
  })

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
