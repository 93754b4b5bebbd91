// Reads the mounted token, and where it may go: the one origin that is asked, or the one its Secret names.
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Endpoint, toEndpoint } from '../../domain/names.ts'
import { codeOf, WorkError } from '../outcome.ts'
import type { Token } from '../transfer/wire.ts'

export interface Door {
  readonly endpoint: Endpoint
  readonly token?: Token
}

const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return undefined
    throw new WorkError('TokenSecretMissing', `the mounted token cannot be read: ${codeOf(error)}`)
  }
}

/** The token of a mirror, for its origin alone. Throws WorkError TokenSecretMissing, Unauthorized. */
export const readMirrorToken = async (endpoint: Endpoint, file: string): Promise<Token> => ({
  value: await readToken(file, "the mirror's tokenSecretRef"),
  origin: new URL(endpoint).origin,
})

const readToken = async (file: string, field: string): Promise<string> => {
  const value = await readIfThere(file)
  if (!value)
    throw new WorkError(
      'TokenSecretMissing',
      `the Secret or key named in ${field} does not exist or is empty`,
    )
  if (!/^[\x21-\x7e]{1,4096}$/.test(value))
    throw new WorkError('Unauthorized', `the key named in ${field} holds something that is no token`)
  return value
}

/** `endpoint` is the operator's own setting or the public place; a key `endpoint` of the same Secret wins and takes the token with it. */
export const openDoor = async (endpoint: string, tokenFile: string | undefined): Promise<Door> => {
  if (tokenFile === undefined) return { endpoint: toEndpoint(endpoint) }
  const value = await readToken(tokenFile, 'tokenSecretRef')
  const own = await readIfThere(join(dirname(tokenFile), 'endpoint'))
  const asked = toEndpoint(own || endpoint, own ? 'endpoint in the Secret' : 'endpoint')
  return { endpoint: asked, token: { value, origin: new URL(asked).origin } }
}
