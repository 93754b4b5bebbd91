// Many engines in one process: each has an address of its own on the loopback and answers as a settled vLLM does.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Engines {
  /** one port for all; the addresses differ */
  readonly port: number
  /** Starts an engine with the arguments of its container; returns its address. */
  start(uid: string, args: readonly string[]): string
  end(uid: string): void
  /** of all that run */
  readonly addresses: readonly string[]
  readonly requests: number
  close(): Promise<void>
}

interface Engine {
  readonly root: string
  readonly names: readonly string[]
  tokens: number
}

/** All of 127.0.0.0/8 is this machine. */
const addressOf = (n: number): string => `127.${100 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`

export async function openEngines(): Promise<Engines> {
  const byAddress = new Map<string, Engine>()
  const addresses = new Map<string, string>()
  let requests = 0
  const server = createServer((request, response) => {
    requests++
    const engine = byAddress.get(request.socket.localAddress?.replace('::ffff:', '') ?? '')
    request.resume()
    if (engine) answer(engine, request, response)
    else response.destroy()
  })
  await new Promise<void>(done => server.listen(0, '0.0.0.0', done))
  return {
    port: (server.address() as AddressInfo).port,
    start: (uid, args) => {
      const address = addresses.get(uid) ?? addressOf(addresses.size + 1)
      addresses.set(uid, address)
      byAddress.set(address, { ...readArgs(args), tokens: 0 })
      return address
    },
    end: uid => void byAddress.delete(addresses.get(uid) ?? ''),
    get addresses() {
      return [...byAddress.keys()]
    },
    get requests() {
      return requests
    },
    close: () => {
      server.closeAllConnections()
      return new Promise(done => server.close(() => done()))
    },
  }
}

/** `serve FOLDER … --served_model_name NAME…`, as the product writes it. */
function readArgs(args: readonly string[]): Omit<Engine, 'tokens'> {
  const at = args.indexOf('--served_model_name')
  const names = at < 0 ? ['as-found'] : args.slice(at + 1).filter(word => !word.startsWith('-'))
  return { root: args.find(word => word.startsWith('/')) ?? '/models/as-found', names }
}

function answer(engine: Engine, { url, method }: IncomingMessage, response: ServerResponse): void {
  const path = url?.split('?')[0]
  const json = (body: object, status = 200): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  if (path === '/health') response.end()
  else if (path === '/metrics') response.end(metricsOf(engine))
  else if (path === '/v1/models')
    json({ object: 'list', data: engine.names.map(id => ({ id, object: 'model', root: engine.root })) })
  else if (method === 'POST' && path?.startsWith('/v1/')) {
    engine.tokens += 6
    const usage = { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 }
    json({ choices: [{ message: { role: 'assistant', content: 'Hi' }, finish_reason: 'length' }], usage })
  } else json({ detail: 'Not Found' }, 404)
}

const metricsOf = ({ tokens }: Engine): string =>
  [
    page,
    'vllm:num_requests_running{engine="0",model_name="served"} 0.0',
    'vllm:prompt_tokens_total{engine="0",model_name="served"} 0.0',
    `vllm:generation_tokens_total{engine="0",model_name="served"} ${tokens}.0`,
    'vllm:engine_sleep_state{engine="0",model_name="served",sleep_state="awake"} 1.0',
    'vllm:engine_sleep_state{engine="0",model_name="served",sleep_state="weights_offloaded"} 0.0',
    'vllm:engine_sleep_state{engine="0",model_name="served",sleep_state="discard_all"} 0.0',
    '',
  ].join('\n')

/** What else stands there: some 360 lines of histograms, of which nothing is read. */
const histogram = (name: string): string => {
  const row = (rest: string, labels = '') =>
    `vllm:${name}${rest}{engine="0",model_name="served"${labels}} 0.0`
  const buckets = Array.from({ length: 18 }, (_, n) => row('_bucket', `,le="${(0.001 * 2 ** n).toFixed(3)}"`))
  const head = [`# HELP vllm:${name} Histogram of ${name}.`, `# TYPE vllm:${name} histogram`]
  return [...head, ...buckets, row('_bucket', ',le="+Inf"'), row('_count'), row('_sum')].join('\n')
}

const page = [
  ...['time_to_first_token_seconds', 'inter_token_latency_seconds', 'request_time_per_output_token_seconds'],
  ...['e2e_request_latency_seconds', 'request_queue_time_seconds', 'request_inference_time_seconds'],
  ...['request_prefill_time_seconds', 'request_decode_time_seconds', 'request_prompt_tokens'],
  ...['request_generation_tokens', 'request_max_num_generation_tokens', 'request_params_n'],
  ...['request_params_max_tokens', 'iteration_tokens_total', 'request_prefill_kv_computed_tokens'],
  ...['kv_block_lifetime_seconds', 'kv_block_idle_before_evict_seconds'],
]
  .map(histogram)
  .join('\n')
