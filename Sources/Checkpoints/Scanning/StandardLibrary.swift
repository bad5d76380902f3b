/// Python's own modules. Those of data are told from all others: whatever else the library has, it
/// reaches files, processes, the network, other modules or the interpreter, and no checkpoint needs
/// it. (What data really needs is in `KnownSafe`.)
enum StandardLibrary {
  /// Why a name of the library is dangerous; `nil` for what only computes, and for other modules.
  ///
  /// - Parameters:
  ///   - path: the components of module and name.
  ///   - modules: how many of them are the module's.
  static func danger(of path: [String], modules: Int) -> String? {
    if plain.contains(path[0]) {
      // A module's private functions are not made for pickles, and its imports hide among them.
      let isPrivate = path.dropFirst().contains { part in
        part.hasPrefix("_") && part.unicodeScalars.dropFirst().first?.properties.isLowercase == true
      }
      return isPrivate ? "a private part of Python's library" : nil
    }
    return all.contains(path[0]) ? "a part of Python's library that is no data" : nil
  }

  /// Modules whose functions compute, and whose classes hold data.
  private static let plain: Set<String> = words(
    """
    builtins __builtin__ exceptions collections datetime decimal fractions enum math cmath numbers
    statistics calendar bisect heapq array itertools struct string textwrap base64 binascii hashlib
    hmac zlib typing types abc dataclasses ipaddress re copy operator json copyreg copy_reg
    unicodedata html colorsys time random
    """)

  /// Everything, of Python 3 up to 3.14, and of Python 2; private modules are known by their names.
  private static let all: Set<String> = words(
    """
    __future__ __main__ abc aifc annotationlib antigravity argparse array ast asynchat asyncio
    asyncore atexit audioop base64 bdb binascii binhex bisect builtins bz2 cProfile calendar cgi cgitb chunk
    cmath cmd code codecs codeop collections colorsys compileall compression concurrent configparser
    contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal
    difflib dis distutils doctest email encodings ensurepip enum errno faulthandler fcntl filecmp
    fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib
    grp gzip hashlib heapq hmac html http idlelib imaplib imghdr imp importlib inspect interpreters io
    ipaddress itertools json keyword lib2to3 linecache locale logging lzma mailbox mailcap marshal
    math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib nt ntpath
    nturl2path numbers opcode operator optparse os ossaudiodev parser pathlib pdb pickle pickletools
    pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile
    pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy
    sched secrets select selectors shelve shlex shutil signal site sitecustomize smtpd smtplib sndhdr
    socket socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string
    stringprep struct subprocess sunau symbol symtable sys sysconfig syslog tabnanny tarfile telnetlib
    tempfile termios test textwrap this threading time timeit tkinter token tokenize tomllib trace
    traceback tracemalloc tty turtle turtledemo types typing unicodedata unittest urllib usercustomize
    uu uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc xxlimited
    xxsubtype zipapp zipfile zipimport zlib zoneinfo

    AL BaseHTTPServer Bastion CGIHTTPServer ConfigParser Cookie DocXMLRPCServer EasyDialogs
    FrameWork HTMLParser MacOS MimeWriter Queue ScrolledText SimpleHTTPServer SimpleXMLRPCServer
    SocketServer StringIO Tix Tkinter UserDict UserList UserString anydbm applesingle autoGIL bsddb
    buildtools cPickle cStringIO cfmfile commands compiler cookielib copy_reg dbhash dircache dl
    dumbdbm dummy_thread dummy_threading exceptions fpectl fpformat future_builtins gdbm hotshot
    htmlentitydefs htmllib httplib ihooks imageop imputil itertools jpeg macostools markupbase md5
    mhlib mimetools mimify multifile mutex new os2emxpath popen2 posixfile repr rexec rfc822 rgbimg
    robotparser sets sgmllib sha sre statvfs strop sunaudio thread toaiff ttk urllib2 urlparse user
    videoreader whichdb xmlrpclib
    """)

  static func words(_ text: String) -> Set<String> {
    Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
  }
}
