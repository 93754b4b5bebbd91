// The wire of an API server on loopback: a kubeconfig for it, and raw answers byte by byte.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { KubeConfig } from '@kubernetes/client-node'
import { Client } from '../../../../src/platform/kubernetes/kernel/client.ts'
import { Transport, type TransportSettings } from '../../../../src/platform/kubernetes/kernel/transport.ts'
import { type Answer, listen } from '../../../stand-ins/listening.ts'

/** client-node wants to hear that plain HTTP is meant. */
export const kubeconfigFor = (port: number, user: object = { token: 'a-token' }): KubeConfig => {
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: [{ name: 'wire', server: `http://127.0.0.1:${port}`, skipTLSVerify: true }],
    users: [{ name: 'us', ...user }],
    contexts: [{ name: 'wire', cluster: 'wire', user: 'us' }],
    currentContext: 'wire',
  })
  return config
}

export interface Wire {
  readonly port: number
  readonly client: Client
  readonly transport: Transport
  close(): Promise<void>
}

export const openWire = async (
  answer: Answer,
  more: { readonly user?: object; readonly settings?: TransportSettings } = {},
): Promise<Wire> => {
  const server = await listen(answer, { host: '127.0.0.1', port: 0 })
  const transport = new Transport(kubeconfigFor(server.port, more.user), { retryBaseMs: 5, ...more.settings })
  return {
    port: server.port,
    transport,
    client: new Client(transport),
    close: async () => {
      await transport.close()
      await server.close()
    },
  }
}

export const refuse = (
  response: ServerResponse,
  code: number,
  status: { reason?: string; message?: string; details?: object; headers?: Record<string, string> } = {},
): void => {
  const { headers = {}, ...rest } = status
  response.writeHead(code, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, ...rest }))
}

export const urlOf = (request: IncomingMessage): URL => new URL(request.url ?? '/', 'http://wire')
