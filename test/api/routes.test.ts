// The object routes of the API: the rules of the manifests folder, names with slashes, requests, and one shape for every refusal.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aModel, aRuntime, openApi } from './api-scene.ts'

describe('the API of a host', () => {
  let api: Awaited<ReturnType<typeof openApi>>
  beforeAll(async () => {
    api = await openApi()
  })
  afterAll(async () => {
    expect(api.defects).toEqual([])
    await api.close()
  })

  it('creates, changes and leaves alone what is put, and says which', async () => {
    const put = (spec: object) => api.ask('PUT', '/api/v1/models/a', { ...aModel('a'), spec })
    const spec = aModel('a').spec
    expect(await put(spec)).toMatchObject({ status: 200, body: { result: 'created' } })
    expect(await put(spec)).toMatchObject({ body: { result: 'unchanged' } })
    expect(await put({ ...spec, paused: true })).toMatchObject({
      body: { result: 'configured', object: { spec: { paused: true }, metadata: { generation: 2 } } },
    })
  })

  it('shows objects as kubectl does, with the spec as it was written', async () => {
    expect(await api.ask('GET', '/api/v1/models/a')).toMatchObject({
      status: 200,
      body: {
        apiVersion: 'switchyard.dev/v1alpha1',
        kind: 'Model',
        metadata: { name: 'a', namespace: 'default', generation: 2 },
        spec: { source: { huggingFace: { repo: 'org/name' } }, paused: true },
      },
    })
    expect((await api.ask('GET', '/api/v1/models')).body).toMatchObject({
      items: [{ metadata: { name: 'a' } }],
    })
    expect((await api.ask('GET', '/api/v1/models?namespace=other')).body).toEqual({ items: [] })
  })

  it('refuses with the sentence of the manifests folder', async () => {
    const bad = { ...aModel('bad'), spec: { source: { huggingFace: { repo: '../etc' } } } }
    const { status, body } = await api.ask('PUT', '/api/v1/models/bad', bad)
    expect(status).toBe(422)
    expect(body).toMatchObject({
      reason: 'InvalidSpec',
      detail: expect.stringContaining('spec.source.huggingFace.repo: '),
    })
    const other = await api.ask('PUT', '/api/v1/models/a', { ...aModel('a', 'org/other') })
    expect(other.body).toMatchObject({ detail: expect.stringContaining('repo is immutable') })
    expect((await api.ask('PUT', '/api/v1/models/other', aModel('a'))).body).toMatchObject({
      detail: 'Model a is not what the path names',
    })
  })

  it.each(['org/name', 'org%2Fname'])('2. Names with slashes work on every route: %s', async name => {
    expect((await api.ask('GET', `/api/v1/models/${name}`)).body).toMatchObject({ metadata: { name: 'a' } })
    const paused = await api.ask('POST', `/api/v1/models/${name}/pause`)
    expect(paused).toMatchObject({ status: 202, body: { object: { spec: { paused: true } } } })
    const resumed = await api.ask('PATCH', `/api/v1/models/${name}`, { spec: { paused: null } })
    expect(resumed.body).toMatchObject({ result: 'configured', object: { spec: aModel('a').spec } })
    await api.ask('PUT', '/api/v1/models/twin', aModel('twin'))
    expect((await api.ask('GET', `/api/v1/models/${name}`)).body).toMatchObject({
      detail: expect.stringContaining('name one of a, twin'),
    })
    expect(await api.ask('DELETE', '/api/v1/models/twin')).toMatchObject({
      status: 202,
      body: { result: 'deleted' },
    })
  })

  it('18. Unknown model on activate => 404', async () => {
    await api.ask('PUT', '/api/v1/runtimes/gpu', aRuntime('gpu'))
    const asked = await api.ask('POST', '/api/v1/runtimes/gpu/activate', { model: 'org/name' })
    expect(asked).toMatchObject({
      status: 202,
      body: { says: 'Runtime gpu is asked to serve a', object: { spec: { activeModel: 'a' } } },
    })
    expect(await api.ask('POST', '/api/v1/runtimes/gpu/activate', { model: 'nobody' })).toMatchObject({
      status: 404,
      body: { reason: 'NotThere', detail: 'there is no Model "nobody" in namespace default' },
    })
    expect(await api.ask('POST', '/api/v1/models/a/rollback')).toMatchObject({ status: 422 })
    expect(await api.ask('POST', '/api/v1/models/a/explode')).toMatchObject({ status: 404 })
  })

  it('19. Leading hyphen refused: as a name, and in every source', async () => {
    const refused = [
      ['-rf', aModel('-rf')],
      ['m', aModel('m', '-org/name')],
      ['m', aModel('m', 'org/-name')],
      ['m', { ...aModel('m'), spec: { source: { ollama: { name: '-name' } } } }],
      ['m', { ...aModel('m'), spec: { source: { local: { path: '-folder' } } } }],
      ['m', { ...aModel('m'), spec: { source: { huggingFace: { repo: 'org/name', revision: '-r' } } } }],
      ['gpu', aRuntime('gpu', { activeModel: '-a' })],
    ] as const
    for (const [name, object] of refused) {
      const answer = await api.ask('PUT', `/api/v1/${object.kind.toLowerCase()}s/${name}`, object)
      expect([answer.status, JSON.stringify(object)]).toEqual([422, JSON.stringify(object)])
      expect(answer.body).toMatchObject({ detail: expect.stringMatching(/./) })
    }
  })

  it('asks by annotation without touching the spec, and the diary says who asked', async () => {
    const asked = await api.ask('POST', '/api/v1/runtimes/gpu/retry')
    expect(asked.body).toMatchObject({
      object: {
        metadata: {
          generation: 2,
          annotations: { 'switchyard.dev/retry-requested-at': '2026-11-27T03:00:00.000Z' },
        },
      },
    })
    const told = api.journal.readAll(0, 100).filter(({ name }) => name === 'gpu')
    expect(told.map(({ what, actor }) => [what, actor])).toEqual([
      ['Applied', 'cli:ann'],
      ['Applied', 'cli:ann'],
      ['Asked', 'cli:ann'],
    ])
  })

  it('refuses a change of another object than the client saw', async () => {
    const stale = { metadata: { resourceVersion: '1' }, spec: { paused: true } }
    expect(await api.ask('PATCH', '/api/v1/runtimes/gpu', stale)).toMatchObject({
      status: 409,
      body: { reason: 'Changed' },
    })
  })

  it('keeps an object that a finalizer holds, and says that it is being deleted', async () => {
    const model = api.store.getModel({ namespace: 'default', name: 'a' })
    if (model) await api.store.setFinalizer(model, true)
    const asked = await api.ask('DELETE', '/api/v1/models/a')
    expect(asked.body).toMatchObject({
      result: 'deleting',
      object: { metadata: { deletionTimestamp: /./ } },
    } as never)
    expect((await api.ask('GET', '/api/v1/models/a')).status).toBe(200)
  })

  it.each([
    ['GET', '/api/v1/things', undefined, 404],
    ['GET', '/api/v1/models/nobody', undefined, 404],
    ['GET', '/elsewhere', undefined, 404],
    ['GET', '/api/v1/models?nonsense=1', undefined, 422],
    ['GET', '/api/v1/events?since=-1', undefined, 422],
    ['PUT', '/api/v1/models/x', 'text', 422],
    ['PATCH', '/api/v1/runtimes/gpu', { status: {} }, 422],
    ['PATCH', '/api/v1/runtimes/gpu', JSON.parse('{"spec":{"__proto__":{"a":1}}}'), 400],
  ])('%s %s is refused with a sentence', async (method, path, body, status) => {
    const answer = await api.ask(method, path, body)
    expect(answer.status).toBe(status)
    expect(answer.body).toMatchObject({ reason: expect.any(String), detail: expect.stringMatching(/./) })
  })

  it('gives the log of the engine, of the run before when it is asked for', async () => {
    expect((await api.ask('GET', '/api/v1/runtimes/gpu/logs?lines=1')).body).toEqual({ lines: ['last line'] })
    expect((await api.ask('GET', '/api/v1/runtimes/gpu/logs?back=1')).body).toMatchObject({
      lines: ['line of run -1', 'last line'],
    })
  })

  it('tells what lies on the machine, in the usual folders or a named one', async () => {
    const ask = async (query: string) => (await api.ask('GET', `/api/v1/discoveries${query}`)).body
    expect(await ask('')).toEqual({ items: [{ root: '/usual', failure: 'closed to us' }] })
    expect(await ask('?folder=/srv')).toMatchObject({ items: [{ root: '/srv' }] })
    expect(await ask('?folder=srv')).toMatchObject({
      status: 422,
      detail: 'folder: must be an absolute path',
    })
  })
})
