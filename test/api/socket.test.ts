// The socket of the API: closed to others, and taken over from a dead daemon, never from a living one.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { execaNode } from 'execa'
import Fastify from 'fastify'
import { afterAll, describe, expect, it } from 'vitest'
import { listenOn } from '../../src/api/socket.ts'
import { aFolder } from '../platform/host/host-parts.ts'

describe('the socket of a host', () => {
  const { folder, remove } = aFolder()
  afterAll(remove)
  const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

  it('is its owner’s alone, when there is no group for it', async () => {
    const path = join(folder, 'deep', 'own.sock')
    const app = Fastify()
    await listenOn(app, { path, group: 'no-such-group-here' })
    expect(modeOf(path)).toBe('600')
    await app.close()
    expect(existsSync(path)).toBe(false)
  })

  it('is open to its group, when there is one', async () => {
    const [, group = ''] =
      new RegExp(`^([^:]+):[^:]*:${process.getgid?.()}:`, 'm').exec(readFileSync('/etc/group', 'utf8')) ?? []
    const path = join(folder, 'shared.sock')
    const app = Fastify()
    await listenOn(app, { path, group })
    expect([modeOf(path), statSync(path).gid]).toEqual(['660', process.getgid?.()])
    await app.close()
  })

  it('replaces that of a daemon that was killed', async () => {
    const path = join(folder, 'stale.sock')
    const dying = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
    await execaNode({ reject: false, input: dying })`-`
    expect(statSync(path).isSocket()).toBe(true)
    const app = Fastify()
    await listenOn(app, { path })
    await app.close()
  })

  it('leaves that of a living one alone', async () => {
    const path = join(folder, 'living.sock')
    const living = createServer().listen(path)
    await expect(listenOn(Fastify(), { path })).rejects.toThrow(
      `${path} is in use: another switchyard host runs on it`,
    )
    expect(statSync(path).isSocket()).toBe(true)
    await new Promise(resolve => living.close(resolve))
  })

  it('touches nothing that is no socket, and says what is too long', async () => {
    const path = join(folder, 'file')
    writeFileSync(path, 'mine')
    await expect(listenOn(Fastify(), { path })).rejects.toThrow('is no socket')
    const long = join(folder, 'x'.repeat(120))
    await expect(listenOn(Fastify(), { path: long })).rejects.toThrow('set SWITCHYARD_SOCKET')
  })
})
