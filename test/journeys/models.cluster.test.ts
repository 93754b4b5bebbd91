// Stories of Models on a real cluster: what is shared, refused, waited for, kept while in use, and taken away.
import { createHash } from 'node:crypto'
import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { clusterOrSkip } from '../cluster/access.ts'
import { ensurePrograms } from '../cluster/programs.ts'
import { filesOfFolder } from '../stand-ins/hub.ts'
import { writeTinyModel } from '../stand-ins/tiny-model.ts'
import {
  claim,
  deployment,
  hubModel,
  model,
  namespaceOf,
  ollamaModel,
  runtime,
  service,
  volumeOnly,
} from './engines.ts'
import { awaitStory, follow, type Story } from './story.ts'
import {
  buildTown,
  conditionOf,
  installSwitchyard,
  isReady,
  operatorLog,
  type Seen,
  type Town,
  until,
} from './town.ts'

const { cluster, reason, images } = clusterOrSkip('switchyard', 'engine')
const image = images?.engine ?? ''
const golden = (name: string) => new URL(`./golden/models-${name}.txt`, import.meta.url)

const filesUnder = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile())
        .map(entry => join(entry.parentPath, entry.name))
    : []

/** The stand-in binds loopback unless told, as the real one does. */
const ollamaEnv = { OLLAMA_MODELS: '/models/ollama', OLLAMA_HOST: '0.0.0.0' }

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

describe.skipIf(reason !== undefined)('Models on a real cluster', () => {
  let town: Town
  let kubectlPath = ''
  const begun: { readonly namespace: string; readonly story: Story }[] = []

  const model$ = (namespace: string, name: string) => () => town.get(namespace, 'model', name)
  const runtime$ = (namespace: string, name: string) => () => town.get(namespace, 'runtime', name)
  const says = (reason: string) => (seen: Seen) => conditionOf(seen, 'Ready')?.reason === reason
  const messageOf = (seen: Seen): string => conditionOf(seen, 'Ready')?.message ?? ''

  /** A namespace of its own, and the story that its watch tells. */
  const begin = async (name: string): Promise<Story> => {
    await town.apply([namespaceOf(name)])
    const story = follow(kubectlPath, cluster().kubeconfigPath, name)
    begun.push({ namespace: name, story })
    return story
  }

  beforeAll(async () => {
    kubectlPath = join((await ensurePrograms()).bin, 'kubectl')
    town = await buildTown(cluster(), [{ name: 'alpha' }, { name: 'beta', answer: 'I am the other one.' }])
    const big = writeTinyModel(join(town.folder, 'big'), {
      name: 'big',
      padBytes: 60_000_000,
      forms: ['huggingFace'],
    })
    town.hub.addRepo({ id: 'tiny/big', files: filesOfFolder(big.folder) })
    await installSwitchyard(cluster(), {
      hubUrl: town.hub.url,
      registryUrl: town.registry.url,
      image: images?.switchyard ?? '',
    })
  })
  afterEach(async () => {
    for (const { namespace, story } of begun.splice(0)) {
      story.end()
      await cluster().kubectl(['delete', 'namespace', namespace, '--timeout=60s'])
    }
  })
  afterAll(async () => {
    await town?.close()
  })

  it('two revisions of one repository share their blobs, and removing one keeps the other complete', async () => {
    const ns = 'models-revisions'
    const story = await begin(ns)
    const first = town.hub.commitOf('tiny/alpha')
    const second = town.hub.addCommit('tiny/alpha', 'main', {
      'generation_config.json': '{ "do_sample": false, "temperature": 0.5 }',
    })
    const pinned = (name: string, revision: string) =>
      model(ns, name, {
        source: { huggingFace: { repo: 'tiny/alpha', revision } },
        runtimes: [{ name: 'volume' }],
      })
    await town.apply([...volumeOnly({ namespace: ns, name: 'volume', image }), pinned('old', first)])
    await until(model$(ns, 'old'), isReady)
    await town.apply([pinned('new', second)])
    await until(model$(ns, 'new'), isReady)

    const volume = await cluster().volumePath(ns, 'volume')
    const repo = join(volume, 'hub/models--tiny--alpha')
    const weights = (revision: string) => join(repo, 'snapshots', revision, 'model.safetensors')
    expect(statSync(weights(first)).ino).toBe(statSync(weights(second)).ino)
    const commitFiles = readdirSync(join(repo, 'snapshots', second))
    expect(filesUnder(join(repo, 'blobs'))).toHaveLength(commitFiles.length + 1)
    const digest = sha256(readFileSync(weights(second)))

    await cluster().kubectl(['delete', 'model', 'old', '-n', ns, '--timeout=60s'])
    expect(existsSync(join(repo, 'snapshots', first))).toBe(false)
    expect(filesUnder(join(repo, 'blobs'))).toHaveLength(commitFiles.length)
    expect(sha256(readFileSync(weights(second)))).toBe(digest)
    const { size } = statSync(weights(second))
    await until(model$(ns, 'new'), seen => (seen.status.copies?.[0]?.bytesStored ?? 0) >= size)
    const asked = new Date().toISOString()
    await cluster().kubectl([
      'annotate',
      'model',
      'new',
      '-n',
      ns,
      `switchyard.dev/verify-requested-at=${asked}`,
    ])
    const verified = await until(
      model$(ns, 'new'),
      seen => seen.status.lastHandled?.verify === asked && isReady(seen),
    )
    expect(verified.status.copies[0].receipt).toMatch(/^[0-9a-f]{64}$/)
    await awaitStory(story, golden('two-revisions'))
  })

  it('what lies on the volume already is linked, adopted or read where it is, and outlives its Model', async () => {
    const ns = 'models-there-already'
    await begin(ns)
    const [alpha, beta] = town.models.map(one => one.folder)
    // Other stories give tiny/alpha another revision.
    for (const name of ['first', 'twin'])
      town.hub.addRepo({ id: `tiny/${name}`, files: filesOfFolder(alpha!) })
    const runtimes = [{ name: 'volume' }]
    await town.apply([
      ...volumeOnly({ namespace: ns, name: 'volume', image }),
      hubModel(ns, 'first', { runtimes }),
    ])
    const brought = await until(model$(ns, 'first'), isReady)
    const volume = await cluster().volumePath(ns, 'volume')
    const commit = town.hub.commitOf('tiny/beta')
    const found = join(volume, 'hub/models--tiny--beta/snapshots', commit)
    cpSync(beta!, found, { recursive: true })
    cpSync(beta!, join(volume, 'in-house/beta'), { recursive: true })

    await town.apply([
      hubModel(ns, 'twin', { runtimes }),
      hubModel(ns, 'beta', { runtimes }),
      model(ns, 'local', { source: { local: { path: 'in-house/beta' } }, runtimes }),
    ])
    const copyOf = async (name: string) => (await until(model$(ns, name), isReady)).status.copies[0]
    const [twin, adopted, local] = [await copyOf('twin'), await copyOf('beta'), await copyOf('local')]
    expect(twin).toMatchObject({ origin: 'Fetched', bytesStored: 0 })
    expect(adopted).toMatchObject({
      origin: 'Adopted',
      bytesStored: 0,
      path: `/models/hub/${relative(join(volume, 'hub'), found)}`,
    })
    expect(local).toMatchObject({ origin: 'Adopted', path: '/models/in-house/beta' })
    const weights = (repo: string) =>
      statSync(
        join(
          volume,
          `hub/models--tiny--${repo}/snapshots`,
          town.hub.commitOf(`tiny/${repo}`),
          'model.safetensors',
        ),
      )
    expect(weights('twin').ino).toBe(weights('first').ino)
    const { bytesStored } = brought.status.copies[0]
    const account = () => town.get(ns, 'runtime', 'volume')
    await until(account, ({ status }) => status.storage?.usedBytes === bytesStored)

    await cluster().kubectl(['delete', 'model', 'first', 'beta', 'local', '-n', ns, '--timeout=60s'])
    expect(existsSync(join(volume, 'hub/models--tiny--first'))).toBe(false)
    expect(sha256(readFileSync(join(found, 'model.safetensors')))).toBe(
      sha256(readFileSync(join(beta!, 'model.safetensors'))),
    )
    expect(readdirSync(join(volume, 'in-house/beta')).sort()).toEqual(readdirSync(beta!).sort())
    expect(weights('twin').size).toBe(statSync(join(alpha!, 'model.safetensors')).size)
  })

  it('a missing token Secret is waited for; it heals by itself and the token shows nowhere', async () => {
    const ns = 'models-token'
    const token = 'hf_ThisIsTheSecretOfTheStory0123456789'
    const story = await begin(ns)
    town.hub.addRepo({ id: 'tiny/gated', files: filesOfFolder(town.models[0]?.folder ?? '') })
    town.hub.gate('tiny/gated', token)
    const gated = hubModel(ns, 'gated', {
      source: { huggingFace: { repo: 'tiny/gated', tokenSecretRef: { name: 'hub-token' } } },
      runtimes: [{ name: 'volume' }],
    })
    await town.apply([...volumeOnly({ namespace: ns, name: 'volume', image }), gated])
    const waiting = await until(model$(ns, 'gated'), says('TokenSecretMissing'))
    expect([waiting.status.phase, conditionOf(waiting, 'Stalled')]).toEqual(['Waiting', undefined])
    expect(messageOf(waiting)).toContain('tokenSecretRef')

    await town.apply([
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'hub-token', namespace: ns },
        stringData: { token, endpoint: town.hub.url },
      },
    ])
    let told = ''
    await until(
      async () => {
        told += await cluster().kubectl(['get', 'jobs,pods,models,events', '-n', ns, '-o', 'json'])
        return town.get(ns, 'model', 'gated')
      },
      isReady,
      90,
    )
    told += await operatorLog(cluster())
    expect(told).toContain('hub-token')
    expect(told).not.toContain(token)
    expect(town.hub.requests.some(one => one.path.includes('tiny/gated/resolve') && one.authorized)).toBe(
      true,
    )
    await awaitStory(story, golden('token-missing'))
  })

  it('a quota that is too small is told with both numbers before the first byte, and raising it is enough', async () => {
    const ns = 'models-quota'
    const story = await begin(ns)
    const before = town.hub.requests.length
    await town.apply([
      ...volumeOnly({ namespace: ns, name: 'volume', image }, { storage: { quota: '100Ki' } }),
      hubModel(ns, 'beta', { runtimes: [{ name: 'volume' }] }),
    ])
    const blocked = await until(model$(ns, 'beta'), says('OverBudget'))
    const { failure } = blocked.status.copies[0]
    expect([blocked.status.phase, failure.haveBytes]).toEqual(['Blocked', 102_400])
    expect(messageOf(blocked)).toContain(String(failure.needBytes))
    expect(messageOf(blocked)).toContain(String(failure.haveBytes))
    const fetched = () =>
      town.hub.requests
        .slice(before)
        .filter(one => /beta.*safetensors$/.test(one.path.split('?')[0] ?? '') && one.method === 'GET')
    expect(fetched()).toEqual([])
    await town.patch(ns, 'runtime/volume', { spec: { storage: { quota: '1Gi' } } })
    await until(model$(ns, 'beta'), isReady)
    expect(fetched().length).toBeGreaterThan(0)
    await awaitStory(story, golden('quota'))
  })

  it('a Model that is active is not deleted; when another is active it goes, and its bytes go', async () => {
    const ns = 'models-in-use'
    const story = await begin(ns)
    await town.apply([
      claim(ns, 'ollama'),
      service(ns, 'ollama', 11434),
      deployment({
        namespace: ns,
        name: 'ollama',
        image,
        claim: 'ollama',
        port: 11434,
        command: ['ollama', 'serve'],
        env: ollamaEnv,
        strategy: { type: 'Recreate' },
      }),
      runtime(ns, 'ollama', {
        engine: 'Ollama',
        activeModel: 'alpha-ollama',
        kubernetes: { deploymentName: 'ollama', serviceName: 'ollama' },
      }),
      ollamaModel(ns, 'alpha'),
      ollamaModel(ns, 'beta', { runtimes: [{ name: 'ollama' }] }),
    ])
    await until(runtime$(ns, 'ollama'), isReady)
    await until(model$(ns, 'beta-ollama'), isReady)
    const store = join(await cluster().volumePath(ns, 'ollama'), 'ollama')
    const manifest = join(store, 'manifests/registry.ollama.ai/library/alpha/latest')
    const layers = (JSON.parse(readFileSync(manifest, 'utf8')) as Seen).layers.map((one: Seen) => one.digest)

    await cluster().kubectl(['delete', 'model', 'alpha-ollama', '-n', ns, '--wait=false'])
    const kept = await until(model$(ns, 'alpha-ollama'), says('ModelInUse'))
    expect([kept.status.phase, kept.status.inUseBy]).toEqual(['Deleting', ['ollama']])
    expect(messageOf(kept)).toContain('ollama')
    expect(isReady(await town.get(ns, 'runtime', 'ollama'))).toBe(true)

    await town.patch(ns, 'runtime/ollama', { spec: { activeModel: 'beta-ollama' } })
    await until(runtime$(ns, 'ollama'), seen => isReady(seen) && seen.status.active?.model === 'beta-ollama')
    await cluster().kubectl(['wait', '--for=delete', 'model/alpha-ollama', '-n', ns, '--timeout=60s'])
    expect(existsSync(manifest)).toBe(false)
    const left = filesUnder(store).map(path => path.split('/').at(-1) ?? '')
    const other = JSON.parse(
      readFileSync(join(store, 'manifests/registry.ollama.ai/library/beta/latest'), 'utf8'),
    ) as Seen
    const shared = other.layers.map((one: Seen) => one.digest)
    const own = layers.filter((one: string) => !shared.includes(one))
    expect(own.length).toBeGreaterThan(0)
    for (const digest of own) expect(left).not.toContain(digest.replace(':', '-'))
    for (const digest of shared) expect(left).toContain(digest.replace(':', '-'))
    expect(isReady(await town.get(ns, 'runtime', 'ollama'))).toBe(true)
    await awaitStory(story, golden('delete-in-use'))
  })

  it('an unbound claim is bound by the download where the engine’s GPU is', async () => {
    const ns = 'models-unbound'
    const story = await begin(ns)
    await town.apply([
      ...volumeOnly({ namespace: ns, name: 'gpu', image, gpus: 1 }),
      hubModel(ns, 'beta', { runtimes: [{ name: 'gpu' }] }),
    ])
    await until(model$(ns, 'beta'), isReady)
    const bound = await town.get(ns, 'pvc', 'gpu')
    const volume = JSON.stringify(await town.get(ns, 'pv', bound.spec.volumeName))
    expect(volume).toContain('gpu-node')
    expect(volume).not.toContain('cpu-node')
    await awaitStory(story, golden('unbound-claim'))
  })

  it('what is applied before the things it names waits for each by its name, and heals', async () => {
    const ns = 'models-early'
    const story = await begin(ns)
    const place = { namespace: ns, name: 'late', image, claim: 'late', port: 11434 }
    await town.apply([ollamaModel(ns, 'beta', { runtimes: [{ name: 'late' }] })])
    await until(model$(ns, 'beta-ollama'), says('RuntimeNotFound'))
    await town.apply([
      runtime(ns, 'late', {
        engine: 'Ollama',
        activeModel: 'alpha-ollama',
        kubernetes: { deploymentName: 'late', serviceName: 'late' },
      }),
    ])
    await until(runtime$(ns, 'late'), says('DeploymentNotFound'))
    await until(model$(ns, 'beta-ollama'), says('DeploymentNotFound'))
    await town.apply([deployment({ ...place, command: ['ollama', 'serve'], env: ollamaEnv })])
    await until(runtime$(ns, 'late'), says('ServiceNotFound'))
    await town.apply([service(ns, 'late', 11434)])
    await until(runtime$(ns, 'late'), says('ClaimNotFound'))
    await until(model$(ns, 'beta-ollama'), says('ClaimNotFound'))
    await town.apply([claim(ns, 'late')])
    await until(runtime$(ns, 'late'), says('ModelNotFound'))
    await until(model$(ns, 'beta-ollama'), isReady)
    await town.apply([ollamaModel(ns, 'alpha')])
    await until(runtime$(ns, 'late'), isReady)
    await awaitStory(story, golden('too-early'))
  })

  it('a Deployment that cannot be switched is refused by the name of its fault, and its neighbours do not notice', async () => {
    const ns = 'models-bad'
    await begin(ns)
    await town.apply([
      ...volumeOnly({ namespace: ns, name: 'good', image }),
      hubModel(ns, 'beta', { runtimes: [{ name: 'good' }] }),
    ])
    const before = await until(model$(ns, 'beta'), isReady)
    const wants = (name: string, more: object = {}) => ({
      activeModel: 'alpha',
      kubernetes: { deploymentName: name },
      ...more,
    })
    const shell = ['sh', '-c', 'vllm serve $MODEL --port 8000']
    await town.apply([
      hubModel(ns, 'alpha'),
      hubModel(ns, 'never', { paused: true }),
      claim(ns, 'elsewhere'),
      ...volumeOnly(
        { namespace: ns, name: 'no-container', image },
        wants('no-container', { kubernetes: { deploymentName: 'no-container', container: 'sidecar' } }),
      ),
      ...volumeOnly(
        { namespace: ns, name: 'no-mount', image },
        wants('no-mount', { storage: { claimName: 'elsewhere' } }),
      ),
      ...volumeOnly(
        { namespace: ns, name: 'shell', image, command: shell },
        wants('shell', { activeModel: 'never' }),
      ),
      ...volumeOnly({ namespace: ns, name: 'two', image, replicas: 2, gpus: 8 }, wants('two')),
    ])
    const refused = async (name: string, why: string, field: string) => {
      const seen = await until(runtime$(ns, name), says(why))
      expect([seen.status.phase, conditionOf(seen, 'Stalled')?.reason]).toEqual(['Rejected', why])
      expect(messageOf(seen)).toContain(field)
    }
    await refused('no-container', 'UnknownContainer', 'spec.kubernetes.container')
    await refused('no-mount', 'ClaimNotMounted', 'spec.storage.claimName')
    // before anything is fetched: its Model is paused
    await refused('shell', 'ShellCommand', 'command')
    await refused('two', 'TooManyReplicas', 'replicas')
    const after = await town.get(ns, 'model', 'beta')
    expect(isReady(after)).toBe(true)
    expect(after.status).toEqual(before.status)
  })

  it('the percent of a download grows, is written seldom, and a pause keeps what was fetched', async () => {
    const ns = 'models-progress'
    const story = await begin(ns)
    const asked = town.hub.requests.length
    town.hub.setFault('tiny/big/model.safetensors', { kind: 'slow', bytesPerSecond: 600_000 })
    await town.apply([
      ...volumeOnly({ namespace: ns, name: 'volume', image }),
      hubModel(ns, 'big', { runtimes: [{ name: 'volume' }] }),
    ])
    const percents: number[] = []
    const percent = (seen: Seen) => seen.status?.progress?.percent ?? 0
    const watch = async () => {
      const seen = await town.get(ns, 'model', 'big')
      if (percents.at(-1) !== percent(seen)) percents.push(percent(seen))
      return seen
    }
    await until(watch, seen => percent(seen) >= 30 && percents.length >= 3)
    await town.patch(ns, 'model/big', { spec: { paused: true } })
    await until(watch, seen => seen.status.phase === 'Paused')
    await until(
      async () => JSON.parse(await cluster().kubectl(['get', 'pods', '-n', ns, '-o', 'json'])),
      seen => seen.items.length === 0,
    )
    town.hub.setFault('tiny/big/model.safetensors', undefined)
    await sleep(1_000)
    await town.patch(ns, 'model/big', { spec: { paused: false } })
    const done = await until(watch, isReady)
    expect(percents).toEqual([...percents].sort((a, b) => a - b))
    expect([percents.at(-1), done.status.display.progress]).toEqual([100, '100%'])
    const writes = cluster()
      .auditEvents()
      .filter(
        one =>
          one.verb === 'patch' && one.objectRef?.namespace === ns && one.objectRef.subresource === 'status',
      )
    expect(writes.length).toBeLessThanOrEqual(40)
    expect(bytesSent(asked)).toBeLessThanOrEqual(1.05 * done.status.resolved.bytes)
    await awaitStory(story, golden('progress-and-pause'))
  })

  it('a node that dies in the middle of a download and comes back goes on with it', async () => {
    const ns = 'models-node'
    const asked = town.hub.requests.length
    town.hub.setFault('tiny/big/model.safetensors', { kind: 'slow', bytesPerSecond: 600_000 })
    await town.apply([
      namespaceOf(ns),
      ...volumeOnly({ namespace: ns, name: 'volume', image }),
      hubModel(ns, 'big', { runtimes: [{ name: 'volume' }] }),
    ])
    await until(model$(ns, 'big'), seen => (seen.status?.progress?.percent ?? 0) >= 30)
    const pods = JSON.parse(await cluster().kubectl(['get', 'pods', '-n', ns, '-o', 'json']))
    const node: string = pods.items[0].spec.nodeName
    await cluster().killNode(node)
    await cluster().startNode(node)
    town.hub.setFault('tiny/big/model.safetensors', undefined)
    const done = await until(model$(ns, 'big'), isReady, 240)
    expect(bytesSent(asked)).toBeLessThanOrEqual(1.05 * done.status.resolved.bytes)
  })

  /** Bytes of weights that the hub has sent since that request. */
  const bytesSent = (since: number): number =>
    town.hub.requests
      .slice(since)
      .filter(request => request.origin === 'cdn')
      .reduce((sum, request) => sum + request.bytesSent, 0)
})
