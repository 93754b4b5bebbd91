// `switchyard embedded serve …` and `embedded install`: install → find the bytes → load → listen; a signal lets what runs end first.
import { once } from 'node:events'
import type { Server } from 'node:http'
import { readServeWish, type ServeWish, usage } from './arguments.ts'
import { StartFailure } from './failure.ts'
import { ensureLlamaCpp } from './install.ts'
import { openLlama } from './llama.ts'
import { createModelServer } from './server.ts'
import { findStoredModel } from './stored-model.ts'

export interface EmbeddedSettings {
  readonly cacheFolder: string
  readonly sharedFolder?: string | undefined
  readonly npmEnvironment: Readonly<Record<string, string>>
}

const say = (line: string): void => {
  process.stdout.write(`embedded: ${line}\n`)
}

/** Resolves with the exit code. */
export const embeddedMain = async (
  [command = '', ...words]: readonly string[],
  settings: EmbeddedSettings,
): Promise<number> => {
  const stop = new AbortController()
  // Not `once`: packages below end the process at a signal that nobody listens to any more.
  process.on('SIGTERM', () => stop.abort()).on('SIGINT', () => stop.abort())
  try {
    if (command === 'install') await ensureLlamaCpp({ ...settings, say, signal: stop.signal })
    else if (command === 'serve') await serve(readServeWish(words), settings, stop.signal)
    else throw new StartFailure(`arguments: ${usage}`)
    return 0
  } catch (error) {
    if (stop.signal.aborted) return 0
    say(error instanceof StartFailure ? error.message : `failed: ${(error as Error).message}`)
    return 1
  }
}

const serve = async (wish: ServeWish, settings: EmbeddedSettings, stopping: AbortSignal): Promise<void> => {
  const { identity, gguf } = await findStoredModel(wish.store, wish.model)
  const folder = await ensureLlamaCpp({ ...settings, say, signal: stopping })
  const llama = await openLlama({ folder, gguf, serve: wish, onPercent: sayEachTenth(), onLog: say })
  const server = createModelServer({ llama, names: wish.names, identity, stopping })
  await listen(server, wish)
  say(`serving ${wish.model} (${identity.slice(0, 19)}) at http://${wish.host}:${wish.port}`)
  if (!stopping.aborted) await once(stopping, 'abort')
  await closed(server)
  await llama.close()
  say('stopped')
}

const sayEachTenth = (): ((percent: number) => void) => {
  let last = -1
  return percent => {
    if (Math.floor(percent / 10) <= last) return
    last = Math.floor(percent / 10)
    say(`loading ${last * 10}%`)
  }
}

const listen = async (server: Server, { host, port }: ServeWish): Promise<void> => {
  server.listen(port, host)
  await once(server, 'listening').catch(error => {
    const { code, message } = error as NodeJS.ErrnoException
    throw new StartFailure(code === 'EADDRINUSE' ? `port ${port} is taken` : `failed: ${message}`)
  })
}

/** When every request that runs is answered; whoever ends us decides how long that may take. */
const closed = async (server: Server): Promise<void> => {
  server.close()
  server.closeIdleConnections()
  await once(server, 'close')
}
