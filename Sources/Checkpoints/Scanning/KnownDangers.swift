/// What a pickle must not name: modules, functions and classes that run code, load more of it, or
/// reach files, processes and the network.
///
/// Gathered from the lists of picklescan and fickling, the published bypasses of both (the GHSA
/// advisories), and Python's and torch's own modules.
enum KnownDangers {
  /// What is feared.
  enum Danger {
    case code, system, files, network, unpickling, native, packages, attributes

    var text: String {
      switch self {
      case .code: "runs code"
      case .system: "reaches the operating system"
      case .files: "reads or writes files"
      case .network: "reaches the network"
      case .unpickling: "loads further pickles or code"
      case .native: "calls native code"
      case .packages: "installs or imports packages"
      case .attributes: "reaches attributes by name or wraps calls"
      }
    }
  }

  /// Modules with everything in them, and single functions and classes, by their dotted path.
  static let paths: [String: Danger] = {
    var paths: [String: Danger] = [:]
    func add(_ danger: Danger, _ list: String) {
      for path in list.split(whereSeparator: \.isWhitespace) { paths[String(path)] = danger }
    }
    add(
      .system,
      """
      os posix nt _winapi subprocess _posixsubprocess commands popen2 pty sys _sys signal _signal
      resource fcntl termios tty pipes platform multiprocessing _multiprocessing threading _thread
      thread dummy_thread _dummy_thread dummy_threading atexit faulthandler gc site sysconfig
      _sysconfigdata _osx_support _aix_support _apple_support _ios_support _android_support uuid
      crypt getpass pwd spwd grp nis syslog mmap sched psutil pexpect ptyprocess sh plumbum invoke
      fabric win32api win32com pywin32 winreg _winreg msvcrt winsound concurrent billiard loky ray dask psycopg2 MySQLdb
      torch.multiprocessing torch.distributed.launch torch.distributed.run
      torch.distributed.launcher torch.distributed.elastic torch.distributed.rpc
      torch.utils.collect_env torch.cuda._sanitizer torch.utils.hipify torch.utils.file_baton
      numpy.distutils numpy.testing.extbuild
      """)
    add(
      .code,
      """
      runpy code codeop bdb pdb profile cProfile _lsprof hotshot trace _trace timeit doctest
      unittest test idlelib lib2to3 pydoc pydoc_data cmd rlcompleter readline turtle turtledemo
      tkinter _tkinter Tkinter curses antigravity this imp importlib _imp _frozen_importlib
      _frozen_importlib_external zipimport pkgutil modulefinder inspect ast symtable dis opcode
      compileall py_compile _pyrepl _testcapi _testinternalcapi _xxsubinterpreters
      _xxinterpchannels _interpreters interpreters _remote_debugging tracemalloc sre_compile
      IPython ipykernel jupyter_client nbconvert pytest _pytest nose hypothesis sympy numexpr
      numba llvmlite jinja2 mako asteval simpleeval execnet
      types.CodeType types.FunctionType types.LambdaType types.ModuleType types.MethodType
      types.new_class types.coroutine types.DynamicClassAttribute types.CellType new
      dataclasses.make_dataclass string.Formatter
      exec eval compile execfile
      numpy.testing numpy.f2py numpy.ma.testutils numpy.core._internal._eval
      numpy.lib.utils.safe_eval numpy.lib._utils_impl.safe_eval
      torch.hub torch.jit torch._jit_internal torch._dynamo torch._inductor torch._functorch
      torch.compile torch.compiler torch.fx torch.package torch.testing torch.export torch._export
      torch.onnx torch._custom_ops torch.library torch.ops torch.classes torch._ops torch._classes
      torch._C._jit torch._lazy torch._sources torch.utils.bottleneck torch.utils.benchmark
      torch.utils.data.datapipes torch.utils.data.graph torch.utils._config_module
      torch.utils._sympy torch.utils._pytree torch.utils._cxx_pytree torch.utils.cpp_extension
      torch.utils._cpp_extension_versioner torch.utils.jit torch.utils.show_pickle
      torch.utils.model_dump torch.utils.tensorboard torch.utils._triton torch.nn.utils.prune
      pandas.eval pandas.core.computation pandas.DataFrame.eval pandas.DataFrame.query
      tensorflow.keras.layers.Lambda keras.layers.Lambda keras.src.layers.core.lambda_layer.Lambda
      keras.utils.get_file tensorflow.py_function tensorflow.numpy_function
      transformers.dynamic_module_utils transformers.utils.import_utils transformers.pipelines
      torch.CompilationUnit torch.ScriptModule torch.ScriptFunction torch.ScriptMethod
      torch.ScriptClass torch.LiteScriptModule torch.Graph torch.fork torch.wait
      omegaconf.OmegaConf omegaconf.omegaconf omegaconf.resolvers omegaconf.grammar_parser
      typing.get_type_hints typing_extensions.get_type_hints types.prepare_class
      types.resolve_bases base64.main json.tool uuid.getnode
      diffusers.utils.dynamic_modules_utils hydra ldm.util.instantiate_from_config
      ldm.util.get_obj_from_str sgm.util.instantiate_from_config sgm.util.get_obj_from_str
      detectron2.config.instantiate git rexec ihooks Bastion user profiling fire click gradio streamlit
      langchain Cython pyximport cppimport scipy.weave scipy._lib._ccallback nltk ptpython bpython
      airflow pyspark pytorch_lightning.cli lightning.pytorch.cli
      """)
    add(
      .files,
      """
      shutil tempfile filecmp fileinput glob linecache difflib tarfile zipfile zipapp gzip.open
      gzip.GzipFile bz2 lzma shelve dbm anydbm dumbdbm gdbm dbhash whichdb sqlite3 _sqlite3 mailbox
      mailcap netrc plistlib configparser ConfigParser wave aifc sunau sndhdr imghdr chunk
      distutils logging io.open io.FileIO io.open_code io.OpenWrapper _io.open _io.FileIO
      _io.open_code _pyio codecs.open codecs.EncodedFile tokenize.open pathlib.Path.read_text
      pathlib.Path.write_text pathlib.Path.unlink cgitb trace_file
      numpy.load numpy.loads numpy.save numpy.savez numpy.savez_compressed numpy.savetxt
      numpy.loadtxt numpy.genfromtxt numpy.fromfile numpy.fromregex numpy.memmap numpy.DataSource
      numpy.lib.npyio numpy.lib._npyio_impl numpy.lib.format numpy.lib._format_impl
      numpy.lib._datasource numpy.core.memmap numpy._core.memmap numpy.recfromcsv
      numpy.recfromtxt numpy.core.multiarray.fromfile numpy._core.multiarray.fromfile
      torch.PyTorchFileReader torch.PyTorchFileWriter torch.save torch.from_file torch.FloatStorage.from_file torch.UntypedStorage.from_file
      torch.storage.UntypedStorage.from_file torch.serialization.save
      fsspec s3fs gcsfs h5py PIL.Image.open cv2 scipy.io datasets torchvision.datasets
      safetensors.torch.save_file matplotlib
      """)
    add(
      .network,
      """
      socket _socket socketserver SocketServer ssl _ssl http httplib urllib urllib2 urllib3 urlparse
      requests httpx aiohttp aiofiles asyncio _asyncio asyncore asynchat select selectors
      webbrowser smtplib smtpd poplib imaplib ftplib telnetlib nntplib xmlrpc xmlrpclib
      DocXMLRPCServer SimpleXMLRPCServer BaseHTTPServer SimpleHTTPServer CGIHTTPServer cookielib
      wsgiref cgi websockets websocket paramiko pycurl zmq rpyc Pyro4 celery docker kubernetes gevent greenlet eventlet pyaudio twisted tornado flask django fastapi
      uvicorn boto3 botocore google.cloud huggingface_hub wandb.sdk.lib mlflow
      torch.utils.model_zoo torch.distributed.init_process_group torch.distributed.TCPStore
      torchvision.datasets.utils transformers.utils.hub gdown
      """)
    add(
      .unpickling,
      """
      pickle _pickle cPickle cpickle marshal dill cloudpickle joblib jsonpickle yaml _yaml ruamel
      klepto sklearn.externals.joblib sklearn.utils._joblib hummingbird skops.io.load
      torch.load torch.import_ir_module torch.import_ir_module_from_buffer torch.parse_ir
      torch.serialization.load torch.serialization._load torch.serialization._legacy_load
      torch.utils.serialization torch.distributed.checkpoint torch.distributed.load
      torch.distributed.distributed_c10d
      pandas.read_pickle pandas.io.pickle pandas.compat.pickle_compat pandas.read_hdf
      pandas.io.pytables
      keras.models.load_model keras.saving tensorflow.keras.models.load_model
      tensorflow.saved_model tensorflow.load_op_library tensorflow.load_library
      xmlrpc.client.loads copyreg.add_extension copyreg.pickle copyreg.constructor
      copyreg.remove_extension copyreg.dispatch_table copyreg._extension_registry
      copyreg._inverted_registry copy_reg.add_extension copy_reg.pickle copy_reg.constructor
      copy_reg._inverted_registry
      """)
    add(
      .native,
      """
      ctypes _ctypes cffi _cffi_backend numpy.ctypeslib torch._C._load torch.ops.load_library
      pycuda cupy.RawModule cupy.RawKernel triton tvm onnxruntime
      """)
    add(
      .packages,
      """
      pip _pip setuptools pkg_resources distutils.core wheel easy_install venv virtualenv ensurepip
      conda poetry build
      """)
    add(
      .attributes,
      """
      operator.attrgetter operator.itemgetter operator.methodcaller operator.call
      _operator.attrgetter _operator.itemgetter _operator.methodcaller _operator.call
      functools _functools weakref.finalize contextlib.ExitStack string.Template
      types.MappingProxyType enum.property
      """)
    return paths
  }()

  /// Built-in functions that run code, reach attributes, files or Python's own state.
  static let builtins: Set<String> = [
    "eval", "exec", "execfile", "compile", "open", "file", "getattr", "setattr", "delattr",
    "hasattr", "__import__", "__build_class__", "__loader__", "__spec__", "globals", "locals",
    "vars", "dir", "input", "raw_input", "breakpoint", "memoryview", "buffer", "help", "exit",
    "quit", "apply", "reload", "intern", "classmethod", "staticmethod", "property", "super",
    "license", "copyright", "credits", "coerce",
  ]

  /// Functions that are dangerous whatever module they are found through, since a module's imports
  /// are its attributes too.
  static let names: [String: Danger] = [
    "eval": .code, "exec": .code, "execfile": .code, "import_module": .code,
    "exec_module": .code, "load_module": .code, "run_module": .code, "run_path": .code,
    "_run_code": .code, "_run_module_code": .code, "runcode": .code, "runsource": .code,
    "runcommand": .code, "runstring": .code, "runctx": .code, "execWrapper": .code,
    "evaluate_guards_expression": .code, "resolve_name": .code, "locate": .code,
    "literal_eval": .code, "safe_eval": .code, "debug_script": .code, "get_obj_from_str": .code,
    "instantiate_from_config": .code, "CodeType": .code, "FunctionType": .code,
    "func_globals": .attributes, "func_code": .code, "f_globals": .attributes,
    "gi_frame": .attributes, "tb_frame": .attributes, "mro": .attributes,
    "getattr": .attributes, "setattr": .attributes, "delattr": .attributes,
    "attrgetter": .attributes, "methodcaller": .attributes, "partial": .attributes,
    "partialmethod": .attributes,
    "system": .system, "popen": .system, "Popen": .system, "check_output": .system,
    "check_call": .system, "getoutput": .system, "getstatusoutput": .system, "spawn": .system,
    "spawnl": .system, "spawnv": .system, "spawnve": .system, "spawnvp": .system,
    "spawnvpe": .system, "execv": .system, "execve": .system, "execvp": .system,
    "execvpe": .system, "execl": .system, "posix_spawn": .system, "fork": .system,
    "forkpty": .system, "create_subprocess_shell": .system, "create_subprocess_exec": .system,
    "exec_command": .system, "_syscmd": .system, "pipepager": .system,
    "load_library": .native, "LoadLibrary": .native, "CDLL": .native, "cdll": .native,
    "unpickle": .unpickling, "read_pickle": .unpickling, "load_state_dict_from_url": .network,
    "load_url": .network, "urlopen": .network, "urlretrieve": .network,
    "download_url_to_file": .network, "from_pretrained": .network, "create_connection": .network,
    "open": .files, "fromfile": .files, "tofile": .files, "from_file": .files, "unlink": .files,
    "write_text": .files, "write_bytes": .files, "read_text": .files, "read_bytes": .files,
    "read_file": .files, "ReadFile": .files, "import_string": .code,
    "_import_ir_module": .unpickling, "open_code": .files, "FileIO": .files, "FileHandler": .files,
    "write_file": .files,
    "rmtree": .files, "copyfile": .files, "extractall": .files,
    "get_entity": .code, "fetch_completions": .code, "fetch_tip": .code, "SetText": .code,
    "make_label": .code, "compile_file": .code, "run_cprofile": .code, "run_autograd_prof": .code,
    "basichandlers": .unpickling, "load_config": .unpickling, "reduce_graph_module": .code,
    "reduce_package_graph_module": .code, "_forward_from_src": .code,
  ]

  /// Modules that must not be reached as an attribute of another (`torch.serialization` `os`).
  static let modulesAnywhere: Set<String> = [
    "os", "sys", "posix", "nt", "subprocess", "builtins", "__builtin__", "__builtins__", "ctypes",
    "importlib", "pickle", "_pickle", "marshal", "shutil", "socket", "runpy", "pty", "tempfile",
    "inspect", "cloudpickle", "dill", "joblib", "multiprocessing", "codeop", "pdb", "webbrowser",
    "functools", "operator", "_operator", "pydoc", "zipfile", "tarfile", "urllib", "requests",
    "cpp_extension", "posixpath", "ntpath", "__main__",
  ]

  /// What functions do that are not to be called by a checkpoint, as the words of their names say:
  /// `my.tools` `run_script`. For functions of packages that nobody knows.
  private static let verbs: Set<String> = [
    "bash", "cmd", "command", "compile", "debug", "delattr", "delete", "deserialize", "download",
    "dump", "dumps", "eval", "evaluate", "exec", "execute", "fetch", "getattr", "import",
    "importer",
    "install", "instantiate", "interpret", "invoke", "launch", "load", "loads", "locate", "main",
    "open", "popen", "read", "remove", "rename", "request", "rm", "rmtree", "run", "save", "script",
    "setattr", "shell", "source", "spawn", "subprocess", "system", "unlink", "upload", "urlopen",
    "write",
  ]

  /// The same in names with capitals, which are mostly those of classes: `WinExec`.
  private static let capitalisedVerbs = ["Exec", "Execute", "Shell", "Popen", "Spawn"]

  /// Packages whose objects stand in checkpoints, and whose functions have no place there: they
  /// reach files, modules and programs in more ways than can be listed.
  private static let trainers: Set<String> = [
    "transformers", "diffusers", "accelerate", "peft", "pytorch_lightning", "lightning",
    "lightning_fabric", "lightning_utilities", "timm", "torchvision", "torchmetrics", "open_clip",
    "omegaconf", "huggingface_hub", "safetensors", "tokenizers", "ldm", "sgm", "taming", "PIL",
    "picklescan", "fickling", "tensorflow", "keras", "jax", "jaxlib", "wandb", "tensorboard",
    "deepspeed", "bitsandbytes", "xformers", "mmengine", "mmcv",
  ]

  /// Whether a name is a function, or a method, of such a package.
  static func isForeignFunction(_ module: String, _ name: String) -> Bool {
    guard trainers.contains(String(module.prefix { $0 != "." })) else { return false }
    let last = name.split(separator: ".").last ?? ""
    return last.drop { $0 == "_" }.first?.isLowercase ?? false
  }

  /// Whether a function's name says that it does something of the kind.
  static func isDeed(_ name: String) -> Bool {
    let last = name.split(separator: ".").last ?? ""
    let words = last.split(separator: "_")
    guard words.first?.first?.isLowercase ?? false else {
      return capitalisedVerbs.contains { last.hasPrefix($0) || last.hasSuffix($0) }
    }
    return words.contains { verbs.contains(String($0).lowercased()) }
  }
}
