// What the commands need of a client of the API server; the operator's own is handed in.
import { Refusal } from './client.ts'

export interface Place {
  readonly namespace?: string | undefined
  readonly name: string
}

interface Manager {
  readonly fieldManager: string
}

export interface Calls<Resource> {
  find<T>(resource: Resource, at: Place): Promise<T | undefined>
  listAll<T>(resource: Resource, of: { namespace?: string | undefined; labelSelector?: string }): Promise<T[]>
  watch<T>(
    resource: Resource,
    of: { namespace?: string | undefined },
    how: { sendInitialEvents: boolean; timeoutSeconds: number },
  ): AsyncIterable<{ readonly type: string; readonly object: T }>
  apply<T>(resource: Resource, object: { metadata: Place }, how: Manager & { force?: boolean }): Promise<T>
  mergePatch<T>(resource: Resource, at: Place & { patch: object }, how: Manager): Promise<T>
  delete(resource: Resource, at: Place, how: { uid: string }): Promise<boolean>
  logs(
    pod: Place,
    how: { container?: string; follow: boolean; previous: boolean; tailLines: number },
  ): AsyncIterable<string>
}

export interface ClusterParts<Resource> {
  readonly calls: Calls<Resource>
  readonly resources: Readonly<Record<'Model' | 'Runtime' | 'event' | 'deployment' | 'pod', Resource>>
  /** as people call it */
  readonly place: string
  readonly namespace: string
  readonly close: () => Promise<void>
}

/** What an API server's refusal tells, as the kernel's errors have it. */
export interface ApiRefusal extends Error {
  readonly status?: number
  readonly statusMessage?: string
  readonly details?: { readonly causes?: readonly { readonly message?: string; readonly field?: string }[] }
}

/** What the API server said, as a sentence and an exit code. */
export const toRefusal = (error: unknown): Error => {
  const { status, statusMessage, message } = error as ApiRefusal
  if (error instanceof Refusal || status === undefined) return error as Error
  const said = (statusMessage || message).replace(/^\S+ "[^"]*" is invalid: /, '')
  if (status === 404 && /could not find the requested resource/.test(said))
    return new Refusal(
      'the cluster knows no Models and Runtimes: install Switchyard there (charts/switchyard)',
    )
  // The API server calls a field that the schema does not have an error of its own.
  if (/field not declared in schema/.test(said)) return new Refusal(said, 2)
  if (status === 409) return new Refusal(said, 3)
  if (status === 0 || status === 429 || status >= 500)
    return new Refusal(`the cluster does not answer: ${said}`, 4)
  return new Refusal(said, 2)
}
