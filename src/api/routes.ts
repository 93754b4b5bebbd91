// The routes of the API: objects, requests and events. Every write changes a spec or an annotation, and passes the rules for people.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Rejected } from '../domain/failure.ts'
import { kinds } from '../domain/kinds.ts'
import { findMeant } from '../domain/lookup.ts'
import { mergePatch } from '../domain/merge-patch.ts'
import { show } from '../domain/names.ts'
import type { Kind, Model, Ref, Runtime } from '../domain/object.ts'
import { type Change, type RequestName, requestNames, toChange } from '../domain/request.ts'
import { toWish, type Wish } from '../domain/wish.ts'
import type { ApiParts } from './api-parts.ts'
import { sendLines } from './lines.ts'
import { streamObjects } from './object-stream.ts'
import { type ObjectView, toView } from './object-view.ts'
import { Changed, NotThere } from './problem.ts'
import { ListQuery, LogQuery, ObjectQuery, PatchBody, parse, RequestBody } from './queries.ts'

type Thing = Model | Runtime
export type Result = 'created' | 'configured' | 'unchanged'
export interface Answer {
  readonly result: Result
  readonly object: ObjectView
  /** of a request: what was asked for */
  readonly says?: string
}

const kindOf = (request: FastifyRequest): Kind => {
  const { plural } = request.params as { plural: string }
  const kind = (Object.keys(kinds) as Kind[]).find(one => kinds[one].plural === plural)
  if (!kind) throw new NotThere(`there are no ${show(plural)}; there are models and runtimes`)
  return kind
}

const restOf = (request: FastifyRequest): string => (request.params as { '*': string })['*']

/** An actor is what the client says of itself: the socket decides who may speak, the diary notes who did. */
const actorOf = ({ headers }: FastifyRequest): string => {
  const said = headers['x-switchyard-actor']
  return typeof said === 'string' && /^[\w@.:/-]{1,128}$/.test(said) ? said : 'api'
}

export const addObjectRoutes = (app: FastifyInstance, parts: ApiParts): void => {
  const view = (object: Thing): ObjectView => toView(object, parts.objects.specOf(object))
  const meant = (kind: Kind, ref: Ref): Thing => findOne(parts, kind, ref)

  app.get('/api/v1/:plural', async (request, reply) => {
    const kind = kindOf(request)
    const { namespace, watch } = parse(ListQuery, request.query)
    if (watch) return sendLines(reply, gone => streamObjects(parts.objects, { kind, namespace }, gone))
    const all = parts.objects.list(kind)
    return { items: all.filter(({ metadata }) => !namespace || metadata.namespace === namespace).map(view) }
  })

  app.get('/api/v1/:plural/*', async request => {
    const kind = kindOf(request)
    const rest = restOf(request)
    if (kind === 'Runtime' && rest.endsWith('/logs')) {
      const { namespace, lines, back } = parse(LogQuery, request.query)
      const runtime = meant(kind, { namespace, name: rest.slice(0, -'/logs'.length) })
      return { lines: await parts.logs(runtime as Runtime, { lines, back }) }
    }
    const { namespace } = parse(ObjectQuery, request.query)
    return view(meant(kind, { namespace, name: rest }))
  })

  app.put('/api/v1/:plural/*', async request => {
    const wish = wishOf(request, kindOf(request))
    return answer(parts, wish, actorOf(request))
  })

  app.patch('/api/v1/:plural/*', async request => {
    const { namespace } = parse(ObjectQuery, request.query)
    const { spec, metadata } = parse(PatchBody, request.body)
    const old = meant(kindOf(request), { namespace, name: restOf(request) })
    const seen = metadata?.resourceVersion
    if (seen !== undefined && seen !== old.metadata.resourceVersion)
      throw new Changed(`${old.kind} ${old.metadata.name} was changed meanwhile: look at it and ask again`)
    const change = { ...(spec ? { spec } : {}), annotations: metadata?.annotations ?? {} }
    return answer(parts, toPatched(parts, old, change), actorOf(request))
  })

  app.delete('/api/v1/:plural/*', async (request, reply: FastifyReply) => {
    const { namespace } = parse(ObjectQuery, request.query)
    const old = meant(kindOf(request), { namespace, name: restOf(request) })
    parts.people.remove(old.kind, old.metadata, actorOf(request))
    reply.code(202)
    const now = parts.objects.get(old.kind, old.metadata)
    return { result: now ? 'deleting' : 'deleted', object: view(now ?? old) }
  })

  app.post('/api/v1/:plural/*', async (request, reply) => {
    const { name, asked } = splitRequest(restOf(request))
    const { namespace } = parse(ObjectQuery, request.query)
    const old = meant(kindOf(request), { namespace, name })
    const { model } = parse(RequestBody, request.body ?? {})
    const named =
      model === undefined ? {} : { model: meant('Model', { namespace, name: model }).metadata.name }
    const change = toChange(asked, old, { now: parts.now(), ...named })
    const done = answer(parts, toPatched(parts, old, change), actorOf(request))
    reply.code(202)
    return { ...done, says: change.says }
  })
}

const findOne = ({ objects }: ApiParts, kind: Kind, ref: Ref): Thing => {
  const exact = objects.get(kind, ref)
  if (exact) return exact
  const [first, ...more] = findMeant(objects.list(kind), ref)
  if (!first) throw new NotThere(`there is no ${kind} ${show(ref.name)} in namespace ${ref.namespace}`)
  if (more.length === 0) return first
  const names = [first, ...more].map(({ metadata }) => metadata.name).join(', ')
  throw new Rejected('InvalidName', `${show(ref.name)} is the source of several Models: name one of ${names}`)
}

const wishOf = (request: FastifyRequest, kind: Kind): Wish => {
  const wish = toWish(request.body)
  if (wish === undefined || typeof wish === 'string')
    throw new Rejected('InvalidSpec', wish ?? 'a document is no object')
  if (wish.kind !== kind || wish.name !== restOf(request))
    throw new Rejected('InvalidName', `${wish.kind} ${wish.name} is not what the path names`)
  return wish
}

const toPatched = (
  { objects }: ApiParts,
  old: Thing,
  { spec, annotations }: Pick<Change, 'spec' | 'annotations'>,
): Wish => {
  const { namespace, name } = old.metadata
  const before = objects.specOf(old)
  const wish = { kind: old.kind, namespace, name, spec: spec ? mergePatch(before, spec) : before }
  return annotations && Object.keys(annotations).length > 0 ? { ...wish, annotations } : wish
}

/** Between the look and the write lies no pause, so nobody comes between. */
const answer = ({ objects, people }: ApiParts, wish: Wish, actor: string): Answer => {
  const before = objects.get(wish.kind, wish)?.metadata.resourceVersion
  people.apply(wish, actor)
  const now = objects.get(wish.kind, wish)
  if (!now) throw new NotThere(`${wish.kind} ${wish.name} is gone`)
  const isSame = before === now.metadata.resourceVersion
  const result = before === undefined ? 'created' : isSame ? 'unchanged' : 'configured'
  return { result, object: toView(now, objects.specOf(now)) }
}

const splitRequest = (rest: string): { name: string; asked: RequestName } => {
  const cut = rest.lastIndexOf('/')
  const word = rest.slice(cut + 1)
  const asked = requestNames.find(one => one === word)
  if (cut < 0 || !asked) throw new NotThere(`${show(word)} is not one of ${requestNames.join(', ')}`)
  return { name: rest.slice(0, cut), asked }
}
