// Gives the constructed answer piece by piece, at the set speed, and counts tokens as an engine does.
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EngineWorld } from './world.ts'

export interface Speech {
  readonly answer: string
  /** The answer starts again at its end. */
  readonly loop: boolean
  readonly maxTokens: number
  readonly promptTokens: number
}

export interface SpokenToken {
  readonly text: string
  readonly finish: 'stop' | 'length' | undefined
}

/** Three letters are one token, and a last single byte belongs to the one before, as in the constructed models. */
function piecesOf(answer: string): string[] {
  const pieces: string[] = answer.match(/[\s\S]{1,3}/gu) ?? []
  const last = pieces.at(-1)
  if (last === undefined || pieces.length < 2 || Buffer.byteLength(last) > 1) return pieces
  return [...pieces.slice(0, -2), `${pieces.at(-2)}${last}`]
}

/** Lets other requests have their turn, and takes the time that a token takes. */
async function pause(world: EngineWorld, i: number) {
  if (i > 0 && i % 64 === 0) await sleep(0)
  if (world.tokenMilliseconds > 0) await sleep(world.tokenMilliseconds)
}

function finishAt(speech: Speech, i: number, count: number): SpokenToken['finish'] {
  if (!speech.loop && i === count) return 'stop'
  return i + 1 >= speech.maxTokens ? 'length' : undefined
}

export async function* speak(
  world: EngineWorld,
  speech: Speech,
  response: ServerResponse,
): AsyncGenerator<SpokenToken> {
  const pieces = piecesOf(speech.answer)
  world.counters.running++
  world.counters.promptTokens += speech.promptTokens
  try {
    for (let i = 0; !response.destroyed; i++) {
      await pause(world, i)
      world.counters.generationTokens++
      const finish = finishAt(speech, i, pieces.length)
      // The end token is counted and has no text.
      yield { text: finish === 'stop' ? '' : (pieces[i % pieces.length] ?? ''), finish }
      if (finish !== undefined) break
    }
    world.counters.succeeded++
  } finally {
    world.counters.running--
  }
}

export async function speakAll(world: EngineWorld, speech: Speech, response: ServerResponse) {
  let text = ''
  let tokens = 0
  let finish: 'stop' | 'length' = 'stop'
  for await (const token of speak(world, speech, response)) {
    text += token.text
    tokens++
    finish = token.finish ?? finish
  }
  return { text, tokens, finish }
}
