"Packaging: settings.ini is the one source of the package's metadata, camvid_seg/__init__.py of its version."
import re, sys
from configparser import ConfigParser
from pathlib import Path
from setuptools import setup, find_packages

here = Path(__file__).parent
ini = ConfigParser(delimiters=['='])
ini.read(here/'settings.ini', encoding='utf-8')
cfg = ini['DEFAULT']

version = re.search(r'^__version__ = "(.+)"', (here/cfg['lib_path']/'__init__.py').read_text(encoding='utf-8'), re.M)[1]

def lines(key): return [o.strip() for o in cfg[key].splitlines() if o.strip()]

def readme():
    "README.md with absolute links, for the package index"
    text = (here/'README.md').read_text(encoding='utf-8')
    for pre, kind in ((r'(!\[[^\]]*\]\()', 'raw'), (r'(\]\()', 'blob')):
        text = re.sub(pre + r'(?![a-z]+:|#)', rf"\1{cfg['git_url']}/{kind}/{cfg['branch']}/", text)
    return text

# nbdev 3 names its commands nbdev-test, nbdev-export, ...; a development install also gets the underscore names of nbdev 2
aliases = ['nbdev_test = nbdev.test:nbdev_test', 'nbdev_export = nbdev.doclinks:nbdev_export', 'nbdev_clean = nbdev.clean:nbdev_clean']

setup(
    version=version,
    description=cfg['description'],
    long_description=readme(),
    long_description_content_type='text/markdown',
    author=cfg['author'],
    author_email=cfg['author_email'],
    license={'apache2': 'Apache-2.0'}[cfg['license']],
    license_files=['LICENSE'],
    keywords=cfg['keywords'],
    classifiers=[{'3': 'Development Status :: 3 - Alpha', '4': 'Development Status :: 4 - Beta'}[cfg['status']],
                 'Intended Audience :: Education', 'Intended Audience :: Science/Research', 'Programming Language :: Python :: 3',
                 'Topic :: Scientific/Engineering :: Image Recognition'],
    packages=find_packages(include=[cfg['lib_path'], cfg['lib_path'] + '.*']),
    package_data={cfg['lib_path'] + '.touch': ['js/*.js']},
    install_requires=lines('requirements'),
    extras_require={k.removesuffix('_requirements'): lines(k) for k in cfg if k.endswith('_requirements')},
    entry_points={'console_scripts': lines('console_scripts') + (aliases if 'editable_wheel' in sys.argv else []),
                  'nbdev': [f"{cfg['lib_path']} = {cfg['lib_path']}._modidx:d"]},
    zip_safe=False,
)
