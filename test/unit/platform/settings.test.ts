import { expect } from 'chai';
import { AppError } from '../../../platform/errors.ts';
import { type Environment, readSettings, type SettingsReader } from '../../../platform/settings.ts';

/** What `read` gives, and the message that `finish` throws; '' when it throws none. */
function reading<T>(env: Environment, read: (reader: SettingsReader) => T) {
  const reader = readSettings(env);
  const value = read(reader);
  try {
    reader.finish();
    return { value, message: '' };
  } catch (error) {
    expect(error).to.be.instanceOf(AppError).with.property('code', 'SETTINGS_INVALID');
    return { value, message: (error as AppError).message };
  }
}

describe('Reading settings', () => {
  it('tells every fault in one message', () => {
    const { message } = reading({ PORT: 'x', LEVEL: 'loud', BROKERS: 'kafka' }, (read) => [
      read.required('HOST'),
      read.port('PORT'),
      read.oneOf('LEVEL', 'info', ['info', 'debug']),
      read.hosts('BROKERS'),
      read.url('URL', ['http://']),
      read.integer('SIZE', 5, { min: 1, max: 9 }),
    ]);
    expect(message).to.match(/^5 faulty setting\(s\): /);
    for (const name of ['HOST', 'PORT', 'LEVEL', 'BROKERS', 'URL'])
      expect(message).to.include(name);
    expect(message).to.not.include('SIZE');
  });

  it('tells a fault once when two parts of a service read the same setting', () => {
    const { message } = reading({}, (read) => [read.required('HOST'), read.required('HOST')]);
    expect(message).to.equal('1 faulty setting(s): HOST is missing');
  });

  it('shows no value, for it may be a secret', () => {
    const secret = 'p4ssw0rd';
    const { message } = reading(
      { A: secret, B: secret, C: secret, D: `x://u:${secret}@h` },
      (read) => [
        read.port('A'),
        read.oneOf('B', 'info', ['info']),
        read.hosts('C'),
        read.url('D', ['redis://']),
        read.integer('A', 1, { min: 1, max: 2 }),
      ],
    );
    expect(message).to.match(/^5 faulty/);
    expect(message).to.not.include(secret);
  });

  it('counts an empty value, or one of spaces, as missing', () => {
    for (const HOST of [undefined, '', '  ']) {
      expect(reading({ HOST }, (read) => read.required('HOST')).message).to.include('missing');
      expect(reading({ HOST }, (read) => read.text('HOST', 'usual'))).to.deep.equal({
        value: 'usual',
        message: '',
      });
      expect(reading({ HOST }, (read) => read.optional('HOST')).value).to.equal(undefined);
    }
  });

  it('cuts spaces around a value', () => {
    expect(reading({ HOST: ' h ' }, (read) => read.required('HOST')).value).to.equal('h');
  });

  it('takes whole numbers inside the bounds, both ends included', () => {
    const read = (SIZE: string | undefined) =>
      reading({ SIZE }, (reader) => reader.integer('SIZE', 5, { min: 1, max: 9 }));
    expect(read(undefined)).to.deep.equal({ value: 5, message: '' });
    expect(read('1')).to.deep.equal({ value: 1, message: '' });
    expect(read('9')).to.deep.equal({ value: 9, message: '' });
    for (const text of ['0', '10', '1.5', '-1', 'five', '5s', 'NaN', 'Infinity', '1e400', '1,5']) {
      expect(read(text).message, text).to.equal(
        '1 faulty setting(s): SIZE must be a whole number from 1 to 9',
      );
    }
  });

  it('takes ports from 0 to 65535', () => {
    const read = (PORT: string) => reading({ PORT }, (reader) => reader.port('PORT'));
    expect(read('0')).to.deep.equal({ value: 0, message: '' });
    expect(read('65535')).to.deep.equal({ value: 65_535, message: '' });
    for (const text of ['-1', '65536', '80 80', 'http'])
      expect(read(text).message).to.not.equal('');
  });

  it('takes one of the words, in that case only', () => {
    const read = (LEVEL: string | undefined) =>
      reading({ LEVEL }, (reader) => reader.oneOf('LEVEL', 'info', ['info', 'debug']));
    expect(read('debug')).to.deep.equal({ value: 'debug', message: '' });
    expect(read(undefined)).to.deep.equal({ value: 'info', message: '' });
    expect(read('DEBUG').message).to.include('LEVEL must be one of info, debug');
  });

  it('takes a list of host:port pairs', () => {
    const read = (BROKERS: string) => reading({ BROKERS }, (reader) => reader.hosts('BROKERS'));
    expect(read('a:1').value).to.deep.equal(['a:1']);
    expect(read('a:1, b.example.org:65535 ,10.0.0.1:9092')).to.deep.equal({
      value: ['a:1', 'b.example.org:65535', '10.0.0.1:9092'],
      message: '',
    });
    for (const text of [
      'a',
      'a:',
      ':1',
      'a:1,',
      'a:1,,b:2',
      'a:x',
      'http://a:1',
      'a:1 b:2',
      'a:65536',
    ]) {
      expect(read(text).message, text).to.include('host:port pairs');
    }
  });

  it('takes addresses of the schemes that are asked for', () => {
    const read = (URL: string) => reading({ URL }, (reader) => reader.url('URL', ['redis://']));
    expect(read('redis://h:1')).to.deep.equal({ value: 'redis://h:1', message: '' });
    for (const text of ['h:1', 'http://h', 'redis:h', 'redis://', '//h', 'javascript:redis://h']) {
      expect(read(text).message, text).to.include('redis://');
    }
  });
});
