// The part of a kubelet that the API server calls: the log of a worker, one progress line a second until the reader goes; that
// of an engine, which says nothing.
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { printProgressLine } from '../../src/domain/progress.ts'
import { type Stage, serverKeys } from './stage.ts'

const total = 15_231_233_024
/** From nothing to all of it in so many seconds. */
const seconds = 300

export async function openKubelet({ cluster }: Stage) {
  const begun = new Map<string, number>()
  const server = createServer(serverKeys(cluster), (request, response) => {
    const pod = request.url?.split('?')[0] ?? ''
    const since = begun.get(pod) ?? Date.now()
    begun.set(pod, since)
    response.writeHead(200, { 'content-type': 'text/plain' })
    if (!request.url?.includes('follow=true')) return void response.end()
    const say = (): void => void response.write(`${lineAt((Date.now() - since) / 1000)}\n`)
    say()
    const timer = setInterval(say, 1000)
    response.once('close', () => clearInterval(timer))
  })
  await new Promise<void>(done => server.listen(0, cluster.bridgeAddress, done))
  return {
    port: (server.address() as AddressInfo).port,
    close: (): Promise<void> => {
      server.closeAllConnections()
      return new Promise(done => server.close(() => done()))
    },
  }
}

function lineAt(age: number): string {
  const bytesDone = Math.min(total, Math.floor((total * age) / seconds))
  const bytesPerSecond = Math.floor(total / seconds)
  return printProgressLine({
    ...{ phase: 'Downloading', bytesTotal: total, bytesDone, bytesPerSecond, filesTotal: 12 },
    ...{ filesDone: Math.floor((12 * bytesDone) / total), etaSeconds: Math.max(0, Math.ceil(seconds - age)) },
  })
}
