// What the doctor may ask of the machine. What belongs to the platform is handed in; a question may take seconds, and none changes anything.
import type { Model, Runtime } from '../../domain/object.ts'

export interface World {
  readonly nodeVersion: string
  readonly now: () => Date
  readonly uid: number
  readonly environment: Readonly<Record<string, string | undefined>>
  /** a sentence when the environment cannot be read as settings */
  readonly settings: Places | { readonly refused: string }
  /** of `/proc/self/limits` */
  readonly limits: string
  readonly hasSystemd: boolean
  /** undefined for a folder that is not there or does not answer */
  readonly readDisk: (folder: string) => Promise<Disk | undefined>
  readonly readStore: (file: string) => StoreSight
  readonly readManifests: (folder: string) => ManifestSight
  /** who listens on the port; undefined when nobody does */
  readonly findListener: (port: number) => Listener | undefined
  readonly lookAtGpus: () => Promise<GpuAnswer>
  /** what a program prints; undefined when it is not there, fails or does not answer in seconds */
  readonly ask: (program: string, words: readonly string[]) => Promise<string | undefined>
}

export interface Places {
  readonly stateFolder: string
  readonly modelsFolder: string
  readonly manifestsFolder: string
  readonly secretsFolder: string
  readonly socket: string
  readonly hubEndpoint?: string | undefined
}

export interface Disk {
  readonly fstype: string
  readonly sizeBytes: number
  readonly availableBytes: number
  readonly files?: number
  readonly filesFree?: number
}

export type StoreSight =
  | { readonly state: 'Absent' }
  | { readonly state: 'Good' }
  /** by a process, which is told as far as it can be seen */
  | { readonly state: 'InUse'; readonly pid?: number; readonly program: string; readonly isDaemon: boolean }
  | { readonly state: 'Newer'; readonly message: string }
  | { readonly state: 'Damaged'; readonly message: string }

export interface ManifestSight {
  readonly isThere: boolean
  readonly refused: readonly { readonly file: string; readonly sentence: string }[]
  readonly models: readonly Model[]
  readonly runtimes: readonly Runtime[]
}

export interface Listener {
  readonly pid?: number
  readonly program: string
  /** an engine that this product started */
  readonly isOurs: boolean
}

export type GpuAnswer =
  | { readonly state: 'Absent' }
  | { readonly state: 'Failed'; readonly message: string }
  | { readonly state: 'Seen'; readonly gpus: readonly { readonly name: string }[] }

/** A check of places is asked only when they are known. */
export const placesOf = ({ settings }: World): Places | undefined =>
  'refused' in settings ? undefined : settings
