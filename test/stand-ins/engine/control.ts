// The second port of the engine stand-in: faults are set and stamps are read here while it serves.
import { type Listening, listen, readBody, sendJson } from '../listening.ts'
import { parseFaults } from './faults.ts'
import type { EngineWorld } from './world.ts'

/** POST /__control with a list of faults (or one), GET /__stamps, GET /__truth: what would answer a client now. */
export function listenForControl(world: EngineWorld, port: number): Promise<Listening> {
  return listen(
    async (request, response) => {
      if (request.method === 'GET' && request.url === '/__stamps')
        return sendJson(response, { stamps: world.stamps.all(), counters: world.counters })
      if (request.method === 'GET' && request.url === '/__truth')
        return sendJson(response, {
          answers: world.truth.answers(),
          tokens: world.counters.generationTokens,
        })
      if (request.method !== 'POST' || request.url !== '/__control')
        return sendJson(
          response,
          { error: 'POST /__control, GET /__stamps or GET /__truth' },
          { status: 404 },
        )
      try {
        const faults = parseFaults((await readBody(request)).toString())
        world.faults.set(faults)
        sendJson(response, { faults })
      } catch (error) {
        sendJson(response, { error: String(error) }, { status: 400 })
      }
    },
    { host: '0.0.0.0', port },
  )
}
