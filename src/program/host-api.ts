// The API of a host: its parts, and the socket that it listens on.
import type { FastifyInstance } from 'fastify'
import { createApi } from '../api/server.ts'
import { listenOn } from '../api/socket.ts'
import type { Runtime } from '../domain/object.ts'
import type { Servings } from '../domain/platform.ts'
import type { Host } from '../platform/host/host-platform.ts'
import { systemSocket } from '../settings.ts'
import type { Log } from '../telemetry/log.ts'

/** Whose members may speak to the daemon of the machine. */
const group = 'switchyard'

/** Throws one sentence when the socket cannot be had. */
export const serveApi = async (host: Host, socket: string, log: Log): Promise<FastifyInstance> => {
  const api = createApi({
    people: host.people,
    objects: host.objects,
    diary: host.diary,
    logs: (runtime, how) => readLogs(host.platform.servings, runtime, how),
    discover: host.discover,
    now: () => new Date(),
    onDefect: err => log.error({ err }, 'a request to the API failed'),
  })
  await listenOn(api, { path: socket, ...(socket === systemSocket ? { group } : {}) })
  return api
}

/** Runs are numbered; the newest is the one that is seen. */
const readLogs = async (
  servings: Servings,
  runtime: Runtime,
  { lines, back }: { readonly lines: number; readonly back: number },
): Promise<readonly string[]> => {
  const [newest] = servings.observe(runtime).pods
  const at = newest?.name.lastIndexOf('-') ?? 0
  const number = Number(newest?.name.slice(at + 1)) - back
  return newest && number > 0 ? servings.logs(runtime, `${newest.name.slice(0, at)}-${number}`, lines) : []
}
