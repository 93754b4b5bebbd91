// A token → the file that works of a host read it from: closed to others from its first byte, and there as a whole or not at all.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { toRepoPath } from '../domain/names.ts'
import { Refusal } from './client.ts'

const namePattern = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/
const keyPattern = /^[A-Za-z0-9._-]{1,253}$/

export interface SecretPlace {
  readonly folder: string
  readonly name: string
  readonly key: string
}

export const secretPath = ({ folder, name, key }: SecretPlace): string => {
  if (!namePattern.test(name)) throw new Refusal(`${name} is no name of a Secret: only a-z, 0-9, '-' and '.'`)
  if (!keyPattern.test(key) || /^\.+$/.test(key))
    throw new Refusal(`${key} is no key of a Secret: only letters, digits, '-', '_' and '.'`)
  return join(folder, toRepoPath(`${name}/${key}`))
}

export const writeSecret = (place: SecretPlace, token: string): string => {
  const path = secretPath(place)
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const next = `${path}.${process.pid}`
  try {
    writeFileSync(next, token, { mode: 0o600, flag: 'wx' })
    renameSync(next, path)
  } catch (error) {
    rmSync(next, { force: true })
    throw new Refusal(`${path} cannot be written: ${(error as Error).message}`)
  }
  return path
}

/** One line of visible characters. */
export const toToken = (text: string): string => {
  const token = text.trim()
  if (token === '') throw new Refusal('no token came: type it, or pipe it in')
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Refusal('a token is one word without blanks')
  return token
}
