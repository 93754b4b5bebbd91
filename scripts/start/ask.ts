// One question to the active model, as any OpenAI client asks it; the answer appears as it is written.
import { createParser } from './events.ts'
import type { Teller } from './teller.ts'

export const ask = async (address: string, question: string, teller: Teller): Promise<void> => {
  const body = {
    model: 'active',
    messages: [{ role: 'user', content: question }],
    max_tokens: 96,
    temperature: 0.2,
    stream: true,
  }
  const response = await fetch(`${address}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok || !response.body)
    throw new Error(`${address} answered ${response.status}: ${(await response.text()).slice(0, 200)}`)
  teller.write(' '.repeat(10))
  let said = ''
  const read = createParser(text => {
    said += text
    teller.write(text)
  })
  for await (const chunk of response.body) read(Buffer.from(chunk))
  teller.write('\n')
  if (said.trim() === '') throw new Error('the model answered nothing')
}
