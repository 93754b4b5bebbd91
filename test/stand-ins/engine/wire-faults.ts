// Faults of what goes over the wire, the same for both dialects: they stand before any route.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { sendJson } from '../listening.ts'
import type { FaultName, ServedThing } from './faults.ts'
import type { EngineWorld } from './world.ts'

const PAGE =
  '<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>\n'

/** Routes that answer with a list of models. */
const LISTS = ['/v1/models', '/api/ps', '/api/tags']
const HEALTH = ['/health', '/api/version']

/** One byte of a header each time: no whole answer ever comes. */
async function drip(response: ServerResponse, milliseconds: number) {
  response.socket?.write('HTTP/1.1 200 OK\r\nx-slow: ')
  while (response.socket?.writable) {
    response.socket.write('.')
    await sleep(milliseconds)
  }
}

/** As long as nobody takes the fault back; the connection stays open. */
async function hold(isHeld: () => boolean, response: ServerResponse) {
  while (isHeld() && !response.destroyed) await sleep(50)
  response.destroy()
}

/** True: the fault has answered, or keeps the caller waiting. */
export function meetWireFault(
  world: EngineWorld,
  thing: ServedThing,
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
): boolean {
  const { pathname } = new URL(request.url ?? '/', 'http://engine')
  const find = (name: FaultName) => world.faults.find(name, thing)
  const isHealth = HEALTH.includes(pathname)
  const hanging = find('hangs')
  if (hanging && !(isHealth && hanging.value === 'health-answers')) {
    void hold(() => find('hangs') !== undefined, response)
    return true
  }
  const answer = wireAnswer(find, pathname)
  if (!answer) return false
  answer(response)
  return true
}

type Find = (name: FaultName) => { readonly value?: string; readonly milliseconds?: number } | undefined

function wireAnswer(find: Find, pathname: string): ((response: ServerResponse) => void) | undefined {
  const headers = { 'content-type': 'text/html; charset=utf-8' }
  if (find('html')) return response => void response.writeHead(200, headers).end(PAGE)
  if (find('empty-body')) return response => void response.writeHead(200, { 'content-length': 0 }).end()
  if (find('redirect'))
    return response => void response.writeHead(302, { location: 'http://127.0.0.1:9/elsewhere' }).end()
  const slow = find('slow-headers')
  if (slow) return response => void drip(response, slow.milliseconds ?? 1_000)
  const missing = find('route-missing')
  if (missing && new RegExp(missing.value ?? '^$').test(pathname))
    return response => sendJson(response, { detail: 'Not Found' }, { status: 404 })
  if (find('key-needed') && !HEALTH.includes(pathname) && pathname !== '/metrics')
    return response => sendJson(response, { error: 'Unauthorized' }, { status: 401 })
  return LISTS.includes(pathname) ? listAnswer(find) : undefined
}

function listAnswer(find: Find): ((response: ServerResponse) => void) | undefined {
  if (find('empty-list')) return response => sendJson(response, { object: 'list', data: [], models: [] })
  if (find('wrong-types')) return response => sendJson(response, { object: 'list', data: 7, models: '7' })
  const huge = find('huge-list')
  if (!huge) return undefined
  const row = { id: 'x', name: 'x:latest', root: '/models/x', digest: 'f'.repeat(64), object: 'model' }
  const rows = Array.from({ length: Number(huge.value ?? 20_000) }, () => row)
  return response => sendJson(response, { object: 'list', data: rows, models: rows })
}

/** What happens to a request of the model's task; true: it has been dealt with. */
export async function meetTaskFault(
  world: EngineWorld,
  thing: ServedThing,
  response: ServerResponse,
): Promise<boolean> {
  const find = (name: FaultName) => world.faults.find(name, thing)
  const busy = find('busy')
  if (busy !== undefined)
    await sleep((busy.milliseconds ?? 30_000) * (busy.value === 'random' ? Math.random() : 1))
  if (find('chat-hangs')) await hold(() => find('chat-hangs') !== undefined, response)
  const failing = find('chat-fails')
  if (failing) sendJson(response, { detail: 'it broke' }, { status: Number(failing.value ?? 500) })
  if (find('chat-resets')) resetHalfway(response)
  if (find('chat-without-usage')) sendJson(response, { id: 'half', choices: [] })
  return response.headersSent || response.destroyed
}

function resetHalfway(response: ServerResponse) {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 4096 })
  response.write('{"id":"half",')
  setTimeout(() => response.socket?.resetAndDestroy(), 20)
}
