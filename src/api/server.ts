// The HTTP server of a host: routes, limits, and every error as one shape. Who may speak is decided by who may open its socket.
import Fastify, { type FastifyInstance } from 'fastify'
import type { ApiParts } from './api-parts.ts'
import { boundHeader, streamEvents } from './event-stream.ts'
import { sendLines } from './lines.ts'
import { NotThere, toProblem } from './problem.ts'
import { DiscoverQuery, EventQuery, parse } from './queries.ts'
import { addObjectRoutes } from './routes.ts'

const largestBody = 1024 * 1024

export interface ApiWish extends ApiParts {
  /** a defect: what was thrown and nobody planned for */
  readonly onDefect: (error: unknown) => void
}

export const createApi = (parts: ApiWish): FastifyInstance => {
  const app = Fastify({
    bodyLimit: largestBody,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 1024 },
  })
  app.addContentTypeParser(
    'application/merge-patch+json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'error'),
  )
  app.setNotFoundHandler(async ({ method, url }) => {
    throw new NotThere(`there is no ${method} ${url.slice(0, 200)}`)
  })
  app.setErrorHandler(async (error, _, reply) => {
    const problem = toProblem(error)
    if (problem.status >= 500 && problem.reason === 'Unexpected') parts.onDefect(error)
    reply.code(problem.status).type('application/problem+json')
    return JSON.stringify(problem)
  })
  app.get('/api/v1/discoveries', async ({ query }) => ({
    items: await parts.discover(parse(DiscoverQuery, query).folder),
  }))
  app.get('/healthz', async () => ({ status: 'ok' }))
  addEvents(app, parts)
  addObjectRoutes(app, parts)
  return app
}

const addEvents = (app: FastifyInstance, { diary }: ApiParts): void => {
  app.get('/api/v1/events', async (request, reply) => {
    const wish = parse(EventQuery, request.query)
    reply.header(boundHeader, diary.bound())
    return sendLines(reply, gone => streamEvents(diary, wish, gone))
  })
}
