// A whole story on a host: manifests, a download from the hub, a supervised vLLM that answers, a switch, and a daemon that is killed in the middle of each.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isAlive } from '../../src/platform/host/process-mark.ts'
import { freePort } from '../stand-ins/engine/start.ts'
import { filesOfFolder, type Hub, startHub } from '../stand-ins/hub.ts'
import { writeTinyModel } from '../stand-ins/tiny-model.ts'
import { openMachine } from './host-daemon.ts'

const names = ['alpha', 'beta', 'broken'] as const
const answers = { alpha: 'I am alpha.', beta: 'And I am beta.', broken: 'Never said.' }
const weights = 3_000_000

const aModel = (name: string) => ({
  apiVersion: 'switchyard.dev/v1alpha1',
  kind: 'Model',
  metadata: { name },
  spec: { source: { huggingFace: { repo: `tiny/${name}` } }, runtimes: [{ name: 'gpu' }] },
})

describe('a host, whose daemon is killed in the middle of everything', () => {
  let hub: Hub
  let machine: Awaited<ReturnType<typeof openMachine>>
  let daemon: ReturnType<typeof machine.begin>
  let address: string
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-models-'))

  const aRuntime = (activeModel: string) => ({
    apiVersion: 'switchyard.dev/v1alpha1',
    kind: 'Runtime',
    metadata: { name: 'gpu' },
    spec: {
      engine: 'VLLM',
      activeModel,
      host: { port: Number(new URL(address).port) },
      switch: { drainSeconds: 1 },
    },
  })

  beforeAll(async () => {
    const models = names.map(name =>
      writeTinyModel(join(folder, name), {
        name,
        answer: answers[name],
        padBytes: weights,
        forms: ['huggingFace'],
        ...(name === 'broken' ? { fault: 'load-fails' } : {}),
      }),
    )
    hub = await startHub({
      repos: models.map(({ name, folder: from }) => ({ id: `tiny/${name}`, files: filesOfFolder(from) })),
    })
    hub.setFault('model.safetensors', { kind: 'slow', bytesPerSecond: 1_000_000 })
    machine = await openMachine({ hubUrl: hub.url, engine: { ENGINE_LOAD_MS: '1500' } })
    address = `http://127.0.0.1:${await freePort()}`
    daemon = machine.begin()
  })

  afterAll(async () => {
    daemon.kill('SIGKILL')
    await daemon
    machine.close()
    await hub.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const until = async (what: string, ask: () => unknown | Promise<unknown>): Promise<void> => {
    for (const end = Date.now() + 90_000; Date.now() < end; await sleep(50)) if (await ask()) return
    throw new Error(`not seen: ${what}\n${machine.log()}`)
  }
  const listed = async (): Promise<readonly string[]> => {
    const answer = await fetch(`${address}/v1/models`).catch(() => undefined)
    const { data = [] } = ((await answer?.json()) ?? {}) as { data?: readonly { readonly id: string }[] }
    return data.map(({ id }) => id)
  }
  const ask = async (): Promise<string> => {
    const body = JSON.stringify({ model: 'active', messages: [{ role: 'user', content: 'Who are you?' }] })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${address}/v1/chat/completions`, { method: 'POST', headers, body })
    const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] }
    return choices[0]?.message.content ?? ''
  }
  const serves = (name: string) => until(`${name} serves`, async () => (await listed()).includes(name))
  const isFetching = (name: string) =>
    hub.requests.some(({ path }) => path.includes(name) && path.includes('model.safetensors'))
  const kill = async (): Promise<void> => {
    daemon.kill('SIGKILL')
    await daemon
  }
  /** Until it has found what the one before has left. */
  const begin = async (): Promise<void> => {
    const before = machine.starts()
    daemon = machine.begin()
    await until('it runs', () => machine.starts() > before)
  }
  const runtimeOf = () => machine.objects().find(({ kind }) => kind === 'Runtime')
  /** Nothing tells from outside how far a switch is: the daemon is asked to end, and begun again when it was not so far. */
  const endIn = (phase: string) => async (): Promise<boolean> => {
    daemon.kill('SIGTERM')
    expect((await daemon).exitCode).toBe(0)
    if (runtimeOf()?.status.phase === phase) return true
    await begin()
    await sleep(1_000)
    return false
  }

  it('waits while there is nothing to do', async () => {
    await until('it runs', () => machine.starts() > 0)
    await sleep(1_500)
    expect(daemon.exitCode).toBeNull()
    // Nothing was installed: that is so with systemd and without.
    expect(machine.log()).toContain('"engines":"plain processes"')
  })

  it('tells what is wrong with a manifest and takes the others', async () => {
    machine.write('bad.yaml', [{ ...aModel('bad'), spec: { source: { huggingFace: { repo: '../etc' } } } }])
    machine.write('models.yaml', names.map(aModel))
    machine.write('runtime.yaml', [aRuntime('alpha')])
    await until('the sentence', () => machine.log().includes('Model bad: spec.source.huggingFace.repo: '))
  })

  it('goes on with the same worker when the daemon is killed during a download', async () => {
    await until('bytes of alpha', () => isFetching('alpha'))
    await kill()
    const [work] = machine
      .worksOf()
      .filter(({ job }) => job.command === 'download' && job.owner.name === 'alpha')
    expect(work?.mark && isAlive(work.mark)).toBe(true)
    await begin()
    await serves('alpha')
    expect(await ask()).toBe(answers.alpha)
    // Each byte came once.
    const sent = hub.requests.filter(({ origin, path }) => origin === 'cdn' && path.includes('alpha'))
    expect(sent.reduce((sum, { bytesSent }) => sum + bytesSent, 0)).toBeLessThan(1.1 * weights)
  })

  it('leaves the engine alone when the daemon ends, and when it is killed', async () => {
    await until('alpha is committed', endIn('Active'))
    const before = machine.engineOf('gpu')
    expect(await ask()).toBe(answers.alpha)
    await begin()
    await kill()
    expect(machine.engineOf('gpu')).toEqual(before)
    expect(before && isAlive(before)).toBe(true)
    await begin()
    expect(await ask()).toBe(answers.alpha)
    await until('it is taken for ours again', async () =>
      /gpu +True +Active +alpha/.test((await machine.type(['get', 'runtimes'])).stdout),
    )
  })

  it('switches, and goes on with the switch when the daemon is killed in the middle', async () => {
    machine.write('runtime.yaml', [aRuntime('beta')])
    await until('alpha is gone', async () => (await listed()).length === 0)
    await kill()
    await begin()
    await serves('beta')
    expect(await ask()).toBe(answers.beta)
    await until('beta is committed', endIn('Active'))
    expect(runtimeOf()?.status).toMatchObject({
      active: { model: 'beta', endpoint: address },
      lastSwitch: { result: 'Committed', from: { model: 'alpha' }, to: { model: 'beta' } },
    })
    await begin()
  })

  it('tells a Prometheus what its engine takes', async () => {
    await until('the figures', async () =>
      /^switchyard_engine_resident_memory_bytes\{namespace="default",runtime="gpu"\} [1-9]/m.test(
        await machine.scrape(),
      ),
    )
    expect(await machine.scrape()).toMatch(/^node_memory_MemTotal_bytes [1-9]/m)
  })

  it('is found well by the doctor, who is neither in its way nor taken in by its own engine', async () => {
    const { exitCode, stdout } = await machine.type(['doctor', '-o', 'json'])
    const { findings } = JSON.parse(stdout) as {
      findings: readonly { check: string; state: string; message: string }[]
    }
    // The manifest of another test is all that is wrong.
    expect(findings.filter(({ state }) => state === 'Fault').map(({ check }) => check)).toEqual(['Manifests'])
    expect(exitCode).toBe(1)
    const saidOf = (check: string) => findings.find(one => one.check === check)?.message
    expect(saidOf('Store')).toMatch(/in use by .* \(PID \d+\)$/)
    expect(saidOf('Socket')).toMatch(/answers$/)
    expect(saidOf('Port of gpu')).toMatch(/, served by .* \(PID \d+\)$/)
  })

  it('goes back when a model does not load, and says why', async () => {
    machine.write('runtime.yaml', [aRuntime('broken')])
    await until('beta is gone', async () => (await listed()).length === 0)
    await serves('beta')
    await until('it is rolled back', endIn('RolledBack'))
    expect(runtimeOf()?.status).toMatchObject({
      active: { model: 'beta' },
      lastSwitch: { result: 'RolledBack', to: { model: 'broken' }, reason: expect.stringMatching(/./) },
    })
  })

  it('speaks in the words of a host', () => {
    const sentences = [
      ...JSON.stringify(machine.objects().map(({ status }) => status)).matchAll(/"message":"([^"]*)"/g),
    ]
    const ofCluster =
      /\b(pods?|claims?|Deployments?|Services?|NetworkPolicy|operator|nodes?|cluster|container)\b/
    expect(sentences.map(([, sentence = '']) => sentence).filter(one => ofCluster.test(one))).toEqual([])
    expect(sentences.length).toBeGreaterThan(10)
  })

  it('leaves the engine when it is asked to end, and has written down what happened', async () => {
    expect(await ask()).toBe(answers.beta)
    const states = machine.objects().map(({ kind, metadata, status }) => [kind, metadata.name, status.phase])
    expect(states.sort()).toEqual([
      ...names.map(name => ['Model', name, 'Ready']),
      ['Runtime', 'gpu', 'RolledBack'],
    ])
    const told = machine.journalOf(runtimeOf()?.metadata.uid ?? '')
    const wishes = told.filter(({ what }) => what === 'Applied')
    expect(wishes.map(({ actor, body }) => [actor, (body as { activeModel: string }).activeModel])).toEqual(
      names.map(name => ['manifests', name]),
    )
    const ended = told.filter(({ what, body }) => what === 'Operation' && 'finishedAt' in (body as object))
    expect(ended.map(({ body }) => body)).toMatchObject([
      { type: 'Activate', to: 'alpha', phase: 'Succeeded' },
      { type: 'Activate', from: 'alpha', to: 'beta', phase: 'Succeeded' },
      { type: 'Activate', from: 'beta', to: 'broken', phase: 'Failed' },
    ])
  })
})
