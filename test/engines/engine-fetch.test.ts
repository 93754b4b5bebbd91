// The way to engines against a loopback server: one connection for what is answered, none held for what is not, and honest ends.
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createPlain, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createEngineFetch } from '../../src/engines/engine-fetch.ts'
import { createHttp } from '../../src/engines/http.ts'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

const listen = async (answer: RequestListener) => {
  const server = createServer(answer)
  const seen = { connections: 0, closed: 0 }
  server.on('connection', socket => {
    seen.connections++
    socket.once('close', () => seen.closed++)
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  ends.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

/** A server without HTTP: what it is told to say, it says. */
const listenPlainly = async (answer: (socket: Socket, asked: number) => void) => {
  const seen = { connections: 0, closed: 0 }
  let asked = 0
  const server = createPlain(socket => {
    seen.connections++
    socket.on('data', () => answer(socket, ++asked))
    socket.on('error', () => {})
    socket.once('close', () => seen.closed++)
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  ends.push(() => server.close())
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

const timeoutMs = 20_000

describe('The way to engines', () => {
  it('asks everything of one look over one connection', async () => {
    const { address, seen } = await listen(({ url }, response) => response.end(JSON.stringify({ url })))
    const http = createHttp(createEngineFetch(timeoutMs))
    const paths = ['/v1/models', '/health', '/metrics']
    const replies = await Promise.all(paths.map(path => http(address, { path, timeoutMs })))
    expect(replies).toMatchObject(paths.map(url => ({ kind: 'Answered', status: 200, body: { url } })))
    expect(seen.connections).toBe(1)
  })

  it.each<[string, string, string]>([
    ['the first line', 'a 1\nb 2\n', 'a 1'],
    ['the last line, that does not end', 'b 2\na 1', 'a 1'],
    ['more than one', 'a 1\nb 2\na{x="y"} 3\n', 'a 1\na{x="y"} 3'],
    ['two in the order they are asked for', 'c 5\nb 2\na 1\n', 'a 1\nc 5'],
    ['no line that has it inside', 'b a 1\n# a 2\n', ''],
    ['nothing of a page without it', 'b 2\n', ''],
    ['nothing of an empty page', '', ''],
    ['letters of more than one byte', 'b ä\na ä\n', 'a ä'],
    [
      'those that follow each other, and comments of the same name not',
      '# HELP a x\na 1\na 2\n# TYPE c a\nc 3',
      'a 1\na 2\nc 3',
    ],
    ['a name that others begin with', 'a 1\nab 2\nb a\na 3\n', 'a 1\nab 2\na 3'],
    ['empty lines between', '\n\na 1\n\na 2\n', 'a 1\na 2'],
  ])('reads of a page only the lines that are wanted: %s', async (_, page, text) => {
    const { address } = await listen((_request, response) => response.end(page))
    const http = createHttp(createEngineFetch(timeoutMs))
    expect(await http(address, { path: '/metrics', timeoutMs, only: ['a', 'c'] })).toMatchObject({ text })
  })

  it.each([
    ['a path', '/v1/models', '/v1/models'],
    ['a question', '/a?b=c&d="e"', '/a?b=c&d="e"'],
    ['no path', '', '/'],
    ['a path with a blank and a line break', '/a b\r\nx: y', '/a%20bx:%20y'],
    ['a part that is for nobody else', '/a#b', '/a'],
  ])('asks for %s', async (_, path, asked) => {
    const { address } = await listen(({ url, headers }, response) =>
      response.end(JSON.stringify({ url, x: headers['x'] })),
    )
    const reply = await createHttp(createEngineFetch())(address, { path, timeoutMs })
    expect(reply).toMatchObject({ text: JSON.stringify({ url: asked }) })
  })

  it('keeps nobody waiting for an answer that does not come', async () => {
    const { address, seen } = await listen(({ url }, response) => {
      if (url !== '/hangs') response.end('here')
    })
    const http = createHttp(createEngineFetch())
    const hanging = http(address, { path: '/hangs', timeoutMs: 2_000 })
    expect(await http(address, { path: '/health', timeoutMs })).toMatchObject({ text: 'here' })
    expect(seen.connections).toBe(2)
    expect(await hanging).toMatchObject({ kind: 'Silent' })
    expect(await http(address, { path: '/health', timeoutMs })).toMatchObject({ text: 'here' })
  })

  it('sends a body whole, with its length, and follows no redirect', async () => {
    const { address } = await listen(async (request, response) => {
      const chunks = await request.toArray()
      response.writeHead(302, { location: '/elsewhere' })
      response.end(
        JSON.stringify({ text: Buffer.concat(chunks).toString(), length: request.headers['content-length'] }),
      )
    })
    const http = createHttp(createEngineFetch())
    const reply = await http(address, { path: '/v1/chat', timeoutMs, post: { word: 'größer' } })
    expect(reply).toMatchObject({ status: 302, body: { text: '{"word":"größer"}', length: '19' } })
  })

  it('goes on after an answer that was too large, torn or refused', async () => {
    const { address } = await listen(({ url }, response) => {
      if (url === '/large') response.end('x'.repeat(1_100_000))
      else if (url === '/torn')
        response.writeHead(200, { 'content-length': 9 }).write('half', () => response.destroy())
      else response.end('here')
    })
    const http = createHttp(createEngineFetch())
    const ask = (path: string, at = address) => http(at, { path, timeoutMs })
    expect(await ask('/large')).toMatchObject({ kind: 'TooLarge' })
    expect(await ask('/torn')).toEqual({ kind: 'Refused', message: '/torn: ECONNRESET' })
    expect(await ask('/gone', 'http://127.0.0.1:1')).toEqual({
      kind: 'Refused',
      message: '/gone: ECONNREFUSED',
    })
    expect(await ask('/health')).toMatchObject({ text: 'here' })
  })

  it('leaves a connection that it does not need, and opens another one for the next look', async () => {
    const { address, seen } = await listen((_, response) => response.end('here'))
    const http = createHttp(createEngineFetch())
    for (const look of [1, 2]) {
      const before = seen.closed
      expect(await http(address, { path: '/health', timeoutMs })).toMatchObject({ text: 'here' })
      await expect.poll(() => seen.closed, { timeout: timeoutMs }).toBe(before + 1)
      expect(seen.connections).toBe(look)
    }
  })

  it('asks over another connection when the one before was closed or spoke out of turn', async () => {
    const { address, seen } = await listenPlainly((socket, asked) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhere')
      if (asked === 1) socket.end()
      if (asked === 2) setTimeout(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother'), 20)
    })
    const http = createHttp(createEngineFetch())
    for (const look of [1, 2, 3]) {
      expect(await http(address, { path: '/health', timeoutMs })).toMatchObject({ text: 'here' })
      if (look < 3) await expect.poll(() => seen.closed, { timeout: timeoutMs }).toBe(look)
    }
    expect(seen.connections).toBe(3)
  })

  it('takes the end of the connection for the end of an answer without a length', async () => {
    const { address } = await listenPlainly(socket => socket.end('HTTP/1.0 200 OK\r\n\r\n{"some": "thing"}'))
    const http = createHttp(createEngineFetch())
    expect(await http(address, { path: '/', timeoutMs })).toMatchObject({
      status: 200,
      body: { some: 'thing' },
    })
  })

  it('says what came instead of an answer', async () => {
    const { address } = await listenPlainly(socket => socket.end('SSH-2.0-OpenSSH_9.6\r\n\r\n'))
    const http = createHttp(createEngineFetch())
    const message = '/health: an answer that is not HTTP/1'
    expect(await http(address, { path: '/health', timeoutMs })).toEqual({ kind: 'Refused', message })
    const tls = await http('https://127.0.0.1:1', { path: '/', timeoutMs })
    expect(tls).toEqual({ kind: 'Refused', message: '/: an engine is asked by http:// only' })
  })
})
