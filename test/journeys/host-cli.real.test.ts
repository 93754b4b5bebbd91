// A host as a person sees it who has nothing but the commands: apply, watch, ask, switch, go back, look, delete.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { freePort } from '../stand-ins/engine/start.ts'
import { filesOfFolder, type Hub, startHub } from '../stand-ins/hub.ts'
import { writeTinyModel } from '../stand-ins/tiny-model.ts'
import { askWho } from './ask-who.ts'
import { openMachine } from './host-daemon.ts'

const answers = { alpha: 'I am alpha.', beta: 'And I am beta.' }
type Name = keyof typeof answers

describe('a host, driven by its commands alone', () => {
  let hub: Hub
  let machine: Awaited<ReturnType<typeof openMachine>>
  let daemon: ReturnType<typeof machine.begin>
  let port: number
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-models-'))

  beforeAll(async () => {
    const models = (Object.keys(answers) as Name[]).map(name =>
      writeTinyModel(join(folder, name), { name, answer: answers[name], forms: ['huggingFace'] }),
    )
    hub = await startHub({
      repos: models.map(({ name, folder: from }) => ({ id: `tiny/${name}`, files: filesOfFolder(from) })),
    })
    machine = await openMachine({ hubUrl: hub.url, engine: { ENGINE_LOAD_MS: '300' } })
    port = await freePort()
  })

  afterAll(async () => {
    daemon.kill('SIGKILL')
    await daemon
    machine.close()
    await hub.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const objects = (): string =>
    [
      ...(Object.keys(answers) as Name[]).map(name => ({
        apiVersion: 'switchyard.dev/v1alpha1',
        kind: 'Model',
        metadata: { name },
        spec: { source: { huggingFace: { repo: `tiny/${name}` } } },
      })),
      {
        apiVersion: 'switchyard.dev/v1alpha1',
        kind: 'Runtime',
        metadata: { name: 'gpu' },
        spec: { engine: 'VLLM', activeModel: 'alpha', host: { port }, switch: { drainSeconds: 1 } },
      },
    ]
      .map(one => stringify(one))
      .join('---\n')

  const ask = (): Promise<string> => askWho(port)
  /** Its standard output; what went wrong is told with everything it said. */
  const done = async (...words: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await machine.type(words)
    expect(exitCode, `switchyard ${words.join(' ')}\n${stdout}\n${stderr}\n${machine.log()}`).toBe(0)
    return stdout
  }

  it('says how to begin where nothing runs', async () => {
    const { exitCode, stderr } = await machine.type(['get'])
    expect(exitCode).toBe(4)
    expect(stderr).toMatch(
      /neither a host nor a cluster is there: start one with `switchyard host` \(socket .*\)/,
    )
  })

  it('serves what was applied', async () => {
    daemon = machine.begin()
    for (const end = Date.now() + 60_000; machine.starts() === 0 && Date.now() < end; ) await sleep(50)
    const applied = await machine.type(['apply', '-f', '-'], objects())
    expect(applied).toMatchObject({
      exitCode: 0,
      stdout: 'model/alpha created\nmodel/beta created\nruntime/gpu created',
    })
    await done('activate', 'alpha', '--wait', '90')
    expect(await ask()).toBe(answers.alpha)
    expect(await done('status')).toMatch(/gpu +Active +alpha {2}http:\/\/127\.0\.0\.1:\d+/)
    expect(await done('get', 'runtimes')).toMatch(
      /^NAME +READY +PHASE +ACTIVE .*\ngpu +True +Active +alpha +VLLM +\d+s$/,
    )
  })

  it('says before a switch what will happen, and changes nothing', async () => {
    const said = await done('activate', 'tiny/beta', '--on', 'gpu', '--dry-run')
    expect(said).toContain('gpu serves alpha. To serve beta it will:')
    expect(said).toContain('if that fails: go back to alpha by itself')
    expect(said).toMatch(/Last time: it took \d+s.* \(to alpha; beta was not served here before\)/)
    expect(await done('get', 'runtime', 'gpu', '-o', 'yaml')).toContain('activeModel: alpha')
  })

  it('switches by the source’s name, and goes back', async () => {
    await done('activate', 'tiny/beta', '--wait', '90')
    expect(await ask()).toBe(answers.beta)
    expect(await done('rollback', 'gpu', '--wait', '90')).toContain('is asked to go back to alpha')
    expect(await ask()).toBe(answers.alpha)
  })

  it('shows an object in full, what happened, and what the engine wrote', async () => {
    const said = await done('describe', 'runtime/gpu')
    expect(said).toMatch(/Last switch: +beta → alpha: Committed, took /)
    expect(said).toMatch(/Activate +Succeeded .* alpha → beta/)
    const events = await done('events', '--for', 'runtime/gpu', '-o', 'json')
    const told = events.split('\n').map(line => JSON.parse(line) as { seq: number; reason: string })
    expect(told.map(({ seq }) => seq)).toEqual(told.map(({ seq }) => seq).toSorted((a, b) => a - b))
    expect(told.filter(({ reason }) => reason === 'Applied').length).toBe(3)
    expect(await done('logs', 'gpu', '--tail', '5')).not.toBe('')
  })

  it('finds on the machine what it fetched', async () => {
    expect(await done('discover')).toMatch(/^hf:tiny\/alpha +\d.* yes +fetched /m)
  })

  it('takes back what it printed, also from a program that is slow to say it', async () => {
    const printed = await done('get', '-o', 'yaml')
    const slowly = async function* () {
      await sleep(1_500)
      yield printed
    }
    const again = await machine.type(['apply', '-f', '-'], Readable.from(slowly()))
    expect(again.stdout.split('\n').every(line => line.endsWith(' unchanged'))).toBe(true)
  })

  it('refuses in one sentence and an exit code, and means well', async () => {
    expect(await machine.type(['activate', 'betta'])).toMatchObject({
      exitCode: 2,
      stderr: 'switchyard: there is no Model betta in namespace default. Did you mean beta?',
    })
    expect(await machine.type(['activat'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('activate?'),
    })
  })

  it('keeps a model that serves, and frees device and disk when all is deleted', async () => {
    expect(await done('delete', 'model', 'alpha')).toBe('model/alpha is being deleted')
    expect(await machine.type(['delete', 'model/alpha', '--wait', '1'])).toMatchObject({ exitCode: 3 })
    expect(await ask()).toBe(answers.alpha)
    await done('idle', 'gpu', '--wait', '60')
    await expect(ask()).rejects.toThrow()
    await done('delete', 'runtime/gpu', '--wait', '60')
    await done('delete', 'model/beta', '--wait', '60')
    const { exitCode, stderr } = await machine.type(['get'])
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining('nothing is in namespace default')])
  })
})
