import { UsageError } from '../errors.ts';

/** Who the client says it is to the proxy. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** The variables that hold them: anyone who lists processes sees arguments, but not the environment. */
export const credentialVariables = {
  user: 'CONFORMANCE_PROXY_USER',
  password: 'CONFORMANCE_PROXY_PASSWORD',
} as const;

/**
 * The credentials in the environment, undefined where there are none.
 * @throws UsageError when there is one half, or one that cannot be sent
 */
export function credentialsIn(environment: NodeJS.ProcessEnv): Credentials | undefined {
  const user = environment[credentialVariables.user] ?? '';
  const password = environment[credentialVariables.password] ?? '';
  if (user === '' && password === '') return undefined;
  if (user === '' || password === '') {
    const [set, missing] =
      user === ''
        ? [credentialVariables.password, credentialVariables.user]
        : [credentialVariables.user, credentialVariables.password];
    throw new UsageError(`${set} is set, and ${missing} is not`, 'Set both, or neither.');
  }
  if (user.includes(':')) {
    throw new UsageError(
      `${credentialVariables.user} holds a colon, which ends the name in what a client sends`,
      'Set the name alone; the password has a variable of its own.',
    );
  }
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\x00-\x1f\x7f]/.test(`${user}${password}`)) {
    throw new UsageError(
      `${credentialVariables.user} or ${credentialVariables.password} holds a control character, e.g. the end of a line`,
      'Set it without: a file is read without its last line break by $(cat FILE).',
    );
  }
  return { user, password };
}

/** Takes them out of the environment once they are read, so that no program started from here inherits them. */
export function forgetCredentials(environment: NodeJS.ProcessEnv): void {
  for (const name of Object.values(credentialVariables)) Reflect.deleteProperty(environment, name);
}

/** A line of curl's configuration with the credentials: https://curl.se/docs/manpage.html#-K */
export function curlConfiguration({ user, password }: Credentials): string {
  const escaped = `${user}:${password}`.replace(/[\\"]/g, '\\$&');
  return `proxy-user = "${escaped}"`;
}

/** Every form in which a program that has the password may write it. */
export function secretForms({ user, password }: Credentials): string[] {
  return [
    password,
    encodeURIComponent(password),
    password.replace(/[\\"]/g, '\\$&'),
    Buffer.from(`${user}:${password}`).toString('base64'),
  ];
}
